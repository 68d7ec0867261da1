/** The forms of answers about memories and the log. See `answer-form.ts`. */
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
import type { MemoryKind } from "../contract/schemas.ts";
import type { ContentRow, LogEvent, MemoryRow, PushResult, SyncAnswer } from "./memory.ts";
import type { ScoreParts } from "./score.ts";

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
  /** Missing where a server before 0.2 answers, as `surroundings`. */
  duplicates?: string[] | undefined;
  surroundings?: SurroundingRow[] | null | undefined;
}
export interface SurroundingRow {
  place: number;
  id: string;
  kind: MemoryKind;
  task: string;
  input: string;
  output: string;
  agent_id: string | null;
  created_at: string;
}
/** Of the query function. */
export interface RecallAnswer {
  mode: "hybrid" | "words_only";
  model: string | null;
  problem: string | null;
  searched?: { memories: number; with_vector: number; exact: boolean } | undefined;
  results: HitRow[];
}
export const recallAnswer = row<RecallAnswer>({
  mode: word,
  model: maybeText,
  problem: maybeText,
  searched: row<NonNullable<RecallAnswer["searched"]>>({
    memories: count,
    with_vector: count,
    exact: flag,
  }).optional(),
  results: list(
    row<HitRow>({
      ...content,
      agent_name: maybeText,
      agent_ended_at: maybeText,
      score: count,
      parts: object as unknown as z.ZodType<ScoreParts>,
      duplicates: texts.optional(),
      surroundings: list(
        row<SurroundingRow>({
          place: count,
          id: text,
          kind: word,
          task: text,
          input: text,
          output: text,
          agent_id: maybeText,
          created_at: text,
        }),
      )
        .nullable()
        .optional(),
    }),
  ),
});

/** @internal */
export interface ConflictRow {
  id: string;
  memory_id: string;
  field: string;
  base: unknown;
  wanted: unknown;
  pushed_by: string | null;
  created_at: string;
}
export const conflictRow = row<ConflictRow>({
  id: text,
  memory_id: text,
  field: text,
  base: value,
  wanted: value,
  pushed_by: maybeText,
  created_at: text,
});
