/** Parts that the formats share. */

import { printable, shorten } from "./format-values.ts";
import type { TailRecord } from "./records.ts";

const longestData = 200;

/** The local time of day, `12:03:44.120`. */
export function clock(at: string, digits: 0 | 3 = 3): string {
  const date = new Date(at);
  const time = date.toTimeString().slice(0, 8);
  return digits === 0 ? time : `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The agent's name, or the start of its id if the name is unknown. */
export function whose({ agent }: TailRecord): string {
  if (!agent) return "-";
  return agent.name === null ? agent.id.slice(0, 8) : printable(agent.name);
}

/** What happened: an event by its type, a debug record by its category and name. */
export function what({ category, name }: TailRecord): string {
  return name.startsWith(`${category}.`) ? name : `${category} ${printable(name)}`;
}

/** The data on one line. */
export function told({ data }: TailRecord): string {
  const parts = Object.entries(data).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `${printable(name)}=${printable(shorten(text, longestData))}`;
  });
  return parts.join(" ");
}
