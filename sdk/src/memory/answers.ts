/** The forms of answers about memories: see `answer-form.ts`. */
import { z } from "zod";
import { count, list, maybeText, object, row, text, value, word } from "../contract/answer-form.ts";
import { type ContentRow, content } from "../contract/memory-rows.ts";
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
