import * as z from "zod";
import { flag, list, row, text } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { type LogEvent, logEvent, syncAnswer } from "../contract/log.ts";
import { type MemoryRow, memoryRow } from "../contract/memory-rows.ts";
import type { Link } from "../link/link.ts";

/** What a watcher wants from the log. */
export interface Want {
  /** Kinds or prefixes. Null: everything that the caller may see. */
  types: string[] | null;
  /** Whether to include the memories that the events are about. */
  memories: boolean;
  /** Which versions of states to include: none, all, or those of these keys. */
  states: boolean | string[];
  limit: number;
}

/** A page of the log, with the rows that its events are about. */
export interface LogRead {
  events: LogEvent[];
  memories: MemoryRow[];
  states: unknown[];
  cursor: string;
  more: boolean;
}

/** How many kinds or keys one call of read_log accepts. */
const most = 100;

/** Everything that several watchers want. */
export function unite(wants: Want[]): Want {
  const types = new Set<string>();
  const keys = new Set<string>();
  for (const want of wants) {
    for (const type of want.types ?? []) types.add(type);
    if (Array.isArray(want.states)) for (const key of want.states) keys.add(key);
  }
  const allTypes = wants.some((want) => want.types === null) || types.size > most;
  const allStates = wants.some(({ states }) => states === true) || keys.size > most;
  return {
    types: allTypes ? null : [...types],
    memories: wants.some(({ memories }) => memories),
    states: allStates || (keys.size > 0 && [...keys]),
    limit: Math.min(...wants.map(({ limit }) => limit)),
  };
}

const answer = row<{
  events: LogEvent[];
  rows: { memory?: MemoryRow[] | undefined; state?: unknown[] | undefined };
  cursor: string;
  more: boolean;
}>({
  events: list(logEvent),
  rows: z.object({
    memory: list(memoryRow).optional(),
    state: z.array(z.unknown()).optional(),
  }) as never,
  cursor: text,
  more: flag,
});

/** Reads the page after a cursor. If `since` is `now`, it only returns the current cursor. */
export async function readLog(link: Link, since: string, want: Want): Promise<Result<LogRead>> {
  const { types, memories, states, limit } = want;
  const read = await link.rpc(
    "read_log",
    {
      since,
      types,
      with_rows: { ...(memories && { memory: true }), ...(states && { state: states }) },
      page_limit: limit,
    },
    answer,
  );
  if (read.error) return read;
  const { rows, ...page } = read.data;
  return ok({ ...page, memories: rows.memory ?? [], states: rows.state ?? [] });
}

/**
 * Reads a page of all existing memories. After the last of these pages, it returns the events since the
 * first page.
 */
export async function readAll(
  link: Link,
  since: string | null,
  { limit }: Want,
): Promise<Result<LogRead>> {
  const read = await link.fn("sync", syncAnswer, { since, limit });
  return read.error ? read : ok({ ...read.data, states: [] });
}
