/** The log, and the answers to a push and a pull. */
import { z } from "zod";
import {
  count,
  type Fields,
  flag,
  list,
  maybeCount,
  maybeText,
  row,
  text,
  texts,
  word,
} from "./answer-form.ts";
import { type MemoryRow, memoryRow } from "./memory-rows.ts";

/** Something that happened in the tenant. It has ids and field names, never content. */
export interface LogEvent {
  type: string;
  subject: string | null;
  agent_id: string | null;
  version: number | null;
  fields: string[] | null;
  at: string;
}

/** The result of an operation. */
export interface PushResult {
  id: string;
  /** `gone`: an update found no memory that the caller may change. */
  status: "applied" | "conflict" | "gone" | "duplicate";
  /** The memory with the same key or content, if a put was not stored under its own id. */
  kept?: string;
  /** The version of the updated memory. */
  version?: number;
  /** What happened to each field of an update. */
  fields?: Record<string, "applied" | "merged" | "kept" | "unchanged" | "conflict">;
}

/** What `POST /sync` returns. */
export interface SyncAnswer {
  results: PushResult[];
  events: LogEvent[];
  memories: MemoryRow[];
  cursor: string;
  more: boolean;
}

const event: Fields<LogEvent> = {
  type: text,
  subject: maybeText,
  agent_id: maybeText,
  version: maybeCount,
  fields: texts.nullable(),
  at: text,
};
export const logEvent = row<LogEvent>(event);
/** An event with its place in the log. */
export const loggedEvent = row<LogEvent & { xid: string; id: number }>({
  ...event,
  xid: text,
  id: count,
});
const pushResult = row<PushResult>({
  id: text,
  status: word,
  kept: text.optional(),
  version: count.optional(),
  fields: z.record(text, text).optional(),
});
const page = { results: list(pushResult), events: list(logEvent), memories: list(memoryRow) };
/** The answer to a pull, which always has a cursor. The answer to a push alone may have none. */
export const syncAnswer = row<SyncAnswer>({ ...page, cursor: text, more: flag });
export const pushAnswer = row<Pick<SyncAnswer, "results">>({ results: page.results });
