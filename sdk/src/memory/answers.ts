/** The forms of answers about memories, states and the log: see `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  type Fields,
  flag,
  list,
  maybeCount,
  maybeText,
  object,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import type { Reconciled, StateHead, VersionRow } from "../state/types.ts";
import type { ChangeRow } from "../state/watch.ts";
import type { ConflictRow } from "./conflicts.ts";
import type { ContentRow, LogEvent, MemoryRow, PushResult, SyncAnswer } from "./memory.ts";
import type { ScoreParts } from "./rank.ts";

const content: Fields<ContentRow> = {
  id: text,
  kind: text,
  task: text,
  input: text,
  output: text,
  critique: text,
  reward: maybeCount,
  importance: count,
  tags: texts,
  metadata: value,
  agent_id: maybeText,
  created_at: text,
};
export const memoryRow = row<MemoryRow>({
  ...content,
  session_id: maybeText,
  conversation_id: maybeText,
  success: flag.nullable(),
  visibility: text,
  version: count,
  updated_at: text,
  expires_at: maybeText,
  hlc: z.record(text, text).optional(),
});
export const vectorRow = row<{ memory_id: string; embedding: unknown }>({
  memory_id: text,
  embedding: z.array(count).or(text),
});

const event: Fields<LogEvent> = {
  type: text,
  subject: maybeText,
  agent_id: maybeText,
  version: maybeCount,
  fields: texts.nullable(),
  at: text,
};
const logEvent = row<LogEvent>(event);
/** With its place in the log. */
export const loggedEvent = row<LogEvent & { xid: string; id: number }>({
  ...event,
  xid: text,
  id: count,
});
const pushResult = row<PushResult>({
  id: text,
  status: word,
  version: count.optional(),
  fields: z.record(text, text).optional(),
});
const page = { results: list(pushResult), events: list(logEvent), memories: list(memoryRow) };
/** Of a pull; a push alone may have no cursor. */
export const syncAnswer = row<SyncAnswer>({ ...page, cursor: text, more: flag });
export const pushAnswer = row<Pick<SyncAnswer, "results">>({ results: page.results });

/** A memory that a recall found. */
export interface HitRow extends ContentRow {
  agent_name: string | null;
  agent_ended_at: string | null;
  score: number;
  parts: ScoreParts;
}
export const recallAnswer = row<{
  mode: "hybrid" | "words_only";
  model: string | null;
  problem: string | null;
  results: HitRow[];
}>({
  mode: word,
  model: maybeText,
  problem: maybeText,
  results: list(
    row<HitRow>({
      ...content,
      agent_name: maybeText,
      agent_ended_at: maybeText,
      score: count,
      parts: object as unknown as z.ZodType<ScoreParts>,
    }),
  ),
});

export const conflictRow = row<ConflictRow>({
  id: text,
  memory_id: text,
  field: text,
  base: value,
  wanted: value,
  pushed_by: maybeText,
  created_at: text,
});

const stateHead: Fields<StateHead> = {
  id: text,
  key: text,
  agent_id: maybeText,
  version: count,
  updated_by: maybeText,
  created_at: text,
  updated_at: text,
  expires_at: maybeText,
};
export const stateInfo = row<StateHead>(stateHead);
/** A state as SQL shows it. */
export interface StateRow extends StateHead {
  value: unknown;
}
export const stateRow = row<StateRow>({ ...stateHead, value });
const version = { version: count, action: word, by: maybeText, at: text };
export const versionRow = row<VersionRow>({ ...version, bytes: count });
export type KeptVersion = Omit<VersionRow, "bytes"> & { key: string; value: unknown };
export const keptVersion = row<KeptVersion>({ ...version, key: text, value });
export const changeRow = row<ChangeRow>({
  ...version,
  id: text,
  key: text,
  agent_id: maybeText,
  value,
});
/** A state as the table has it. */
type TableState = Omit<StateRow, "created_at" | "expires_at"> & { deleted_at: string | null };
export const tableState = row<TableState>({
  id: text,
  key: text,
  agent_id: maybeText,
  version: count,
  value,
  updated_by: maybeText,
  updated_at: text,
  deleted_at: maybeText,
});
export const reconciled = row<Omit<Reconciled, "state"> & { state: StateRow | null }>({
  outcome: word,
  conflicts: z.array(z.custom<Reconciled["conflicts"][number]>((one) => one instanceof Object)),
  state: stateRow.nullable(),
});
