import { useEffect, useState } from "preact/hooks";
import { route, setQuery } from "../app/route.ts";

/** The search text of this page, in lower case. It is kept in the address. */
export const searched = (): string => (route.value.query.get("find") ?? "").toLowerCase();

/**
 * The search text for the server. It changes only when the person pauses. If the text is longer than
 * a search may be, it is cut.
 */
export function useSought(): string {
  const text = searched().trim().slice(0, 200);
  const [sought, setSought] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSought(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return sought;
}

const narrow = matchMedia("(max-width: 760px)");

/** The search field of a page. Pressing `/` moves to it, so the placeholder says that, but not on a phone. */
export function Search({ label, placeholder }: { label: string; placeholder: string }) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={narrow.matches ? placeholder.replace(/ +\( \/ \)$/, "") : placeholder}
      value={route.value.query.get("find") ?? ""}
      onInput={({ currentTarget }) => setQuery({ find: currentTarget.value })}
    />
  );
}
