import { subjectOf, withNames } from "../../live/about.ts";
import type { Told } from "../../live/debug.ts";
import { type Happening, saysFailure } from "../../live/events.ts";
import type { Space } from "../../live/space.ts";
import { oneLine, preview } from "../../parts/text.ts";

/** A line of the stream: an event of the log, or a record of an agent's debug stream. */
export type Entry = { key: string; at: number; kind: string; agentId: string | null } & (
  | { from: "log"; event: Happening }
  | { from: "debug"; record: Told }
);

const made = new WeakMap<Happening | Told, Entry>();

export function entryOfEvent(event: Happening): Entry {
  const known = made.get(event);
  if (known) return known;
  const { key, at, kind } = event;
  // An event about an agent belongs to that agent, whoever caused it.
  const agentId = kind === "agent" ? event.subject : event.agentId;
  const entry: Entry = { key, at, kind, agentId, from: "log", event };
  made.set(event, entry);
  return entry;
}

export function entryOfRecord(record: Told): Entry {
  const known = made.get(record);
  if (known) return known;
  const { key, at, category, agentId } = record;
  const entry: Entry = { key, at, kind: category, agentId, from: "debug", record };
  made.set(record, entry);
  return entry;
}

/** The type of an event, or the name of a record. */
export const titleOf = (entry: Entry): string =>
  entry.from === "log" ? entry.event.type : oneLine(entry.record.name, 120);

/** The text of an entry, in one line. */
export function lineOf(space: Space, entry: Entry): string {
  if (entry.from === "debug") {
    const { data } = entry.record;
    return data === null ? "" : withNames(space, preview(data, 300));
  }
  const { event } = entry;
  const about = subjectOf(space, event) ?? "";
  const version = event.version !== null && event.version > 1 ? `version ${event.version}` : "";
  return [about, event.fields?.join(", "), version].filter(Boolean).join(" · ");
}

export const isFailure = (entry: Entry): boolean =>
  entry.kind === "error" || (entry.from === "log" && saysFailure(entry.event));

/** Merges two sequences in the order of time. */
export function merge(events: readonly Happening[], records: readonly Told[]): Entry[] {
  const entries: Entry[] = [];
  let [at, by] = [0, 0];
  while (at < events.length || by < records.length) {
    const event = events[at];
    const record = records[by];
    if (event && (!record || event.at <= record.at)) {
      entries.push(entryOfEvent(event));
      at++;
    } else if (record) {
      entries.push(entryOfRecord(record));
      by++;
    }
  }
  return entries;
}
