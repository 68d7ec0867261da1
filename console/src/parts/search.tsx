import { route, setQuery } from "../app/route.ts";

/** The search text of this page, in lower case. It is kept in the address. */
export const searched = (): string => (route.value.query.get("find") ?? "").toLowerCase();

/** The search field of a page. Pressing `/` moves to it. */
export function Search({ label, placeholder }: { label: string; placeholder: string }) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={placeholder}
      value={route.value.query.get("find") ?? ""}
      onInput={({ currentTarget }) => setQuery({ find: currentTarget.value })}
    />
  );
}
