import type { Space } from "../../live/space.ts";
import { has, wantedBy } from "./attributes.ts";
import { type Entry, isFailure, lineOf, titleOf } from "./entry.ts";

/** Which lines of the stream are shown. It is kept in the address. */
export interface Filter {
  text: string;
  /** Empty means all. */
  kinds: string[];
  agent: string | null;
  failures: boolean;
}

export function filterOf(query: URLSearchParams): Filter {
  return {
    text: query.get("find") ?? "",
    kinds: query.get("kinds")?.split(",").filter(Boolean) ?? [],
    agent: query.get("agent"),
    failures: query.get("failures") === "1",
  };
}

export const isEmpty = ({ text, kinds, agent, failures }: Filter): boolean =>
  text === "" && kinds.length === 0 && agent === null && !failures;

/** The entries that match, in order. */
export function filtered(space: Space, entries: Entry[], filter: Filter): Entry[] {
  if (isEmpty(filter)) return entries;
  const { kinds, agent, failures } = filter;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const terms = words.map((word) => ({ word, wanted: wantedBy(word) }));
  const wanted = new Set(kinds);
  return entries.filter((entry) => {
    if (wanted.size > 0 && !wanted.has(entry.kind)) return false;
    if (agent !== null && entry.agentId !== agent) return false;
    if (failures && !isFailure(entry)) return false;
    if (words.length === 0) return true;
    const name = space.names.of(entry.agentId).name;
    const text = `${titleOf(entry)} ${name} ${lineOf(space, entry)}`.toLowerCase();
    return terms.every(
      ({ word, wanted }) => text.includes(word) || (wanted !== null && has(space, entry, wanted)),
    );
  });
}
