/** The lines that `mayfly tail` shows, from any source. */

import type { LogEvent } from "@mayfly/sdk";
import { debugCategories } from "@mayfly/sdk/contract/debug";

/** The levels, which say how much an agent reports. Each level includes the levels before it. */
export const levels = ["silent", "basic", "detailed", "verbose", "trace"] as const;
export type Level = (typeof levels)[number];

/** One line of a tail. */
export interface TailRecord {
  /** ISO 8601. */
  at: string;
  level: Level;
  category: string;
  /** Such as `memory.created`. */
  name: string;
  agent: { id: string; name: string | null } | null;
  /** The subject of the event. */
  subject: string | null;
  data: Record<string, unknown>;
}

export const isWithin = (level: Level, most: Level) =>
  levels.indexOf(level) <= levels.indexOf(most) && most !== "silent";

/**
 * The subjects of events that happen all the time, which have the level `detailed`. All other
 * events, such as starts, ends and changes of rights, have the level `basic`.
 */
const detailed = ["memory", "message", "state"];

/** The kinds of things that events are about. */
const logCategories =
  "agent approval artifact budget channel fact job member memory message poll run state team tender workflow".split(
    " ",
  );
export const categories = [...new Set([...logCategories, ...debugCategories])].sort();

/** The first word of an event's type. */
export const categoryOf = (type: string) => type.split(".", 1)[0] ?? type;

/** An event of the log as a record. */
export function recordOf(event: LogEvent, name: string | null): TailRecord {
  const category = categoryOf(event.type);
  // An event about an agent belongs to that agent, whoever caused it.
  const agent = category === "agent" ? event.subject : event.agent_id;
  return {
    at: event.at,
    level: detailed.includes(category) ? "detailed" : "basic",
    category,
    name: event.type,
    agent: agent === null ? null : { id: agent, name },
    subject: event.subject,
    data: {
      ...(event.version !== null && { version: event.version }),
      ...(event.fields && event.fields.length > 0 && { fields: event.fields }),
    },
  };
}

/** The agent to which the event belongs. */
export const agentOf = (event: LogEvent): string | null =>
  categoryOf(event.type) === "agent" ? event.subject : event.agent_id;
