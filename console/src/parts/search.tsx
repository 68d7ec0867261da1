import { splitSearch } from "@mayfly/sdk";
import { useEffect, useState } from "preact/hooks";
import { route, setQuery } from "../app/route.ts";
import { printable } from "./text.ts";

/** The search text of this page, in lower case. It is kept in the address. */
export const searched = (): string => (route.value.query.get("find") ?? "").toLowerCase();

/** The same text as the person wrote it, for a search on the server. */
export const soughtNow = (): string => (route.value.query.get("find") ?? "").trim().slice(0, 1_000);

/**
 * What the server is to search for: the text, and its parts. `where` are the attributes that it names, such as
 * `customer:acme`, and `containing` is the rest, of which the server reads 200 characters. It changes only when the
 * person pauses.
 */
export function useSought(): { sought: string; where: string; containing: string } {
  const text = soughtNow();
  const [sought, setSought] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSought(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  const { where, containing } = splitSearch(sought);
  return { sought, where, containing: containing.slice(0, 200) };
}

/** What an empty list says about a search by attributes. */
export const NoneWith = ({ where }: { where: string }) =>
  where === "" ? null : (
    <p>
      It is a search for the attributes <bdi class="mono">{printable(where)}</bdi>, exactly as they
      are written. To search for a text with a colon, put it in quotes.
    </p>
  );

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
