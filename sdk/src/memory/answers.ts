/** Schemas of answers about memories. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  flag,
  list,
  maybeText,
  object,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import { type ContentRow, content } from "../contract/memory-rows.ts";
import type { MemoryKind } from "../contract/schemas.ts";
import type { ScoreParts } from "./score.ts";

export const vectorRow = row<{ memory_id: string; embedding: unknown }>({
  memory_id: text,
  embedding: z.array(count).or(text),
});

/** A memory that a recall found. */
export interface HitRow extends ContentRow {
  agent_name: string | null;
  agent_ended_at: string | null;
  score: number;
  parts: ScoreParts;
  /** Missing, like `surroundings`, if a server before 0.2 answers. */
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
/** The answer of the query function. */
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
