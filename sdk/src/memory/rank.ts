/** How a local recall weighs: the formula of mayfly_private.recall, over the cache. */

import type { MemoryKind } from "../contract/schemas.ts";
import type { RecallOptions } from "./recall.ts";
import type { ScoreParts } from "./score.ts";

/**
 * Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion
 * outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.
 */
const k = 60;
const dayMs = 86_400_000;

/** Days after which a memory of a kind counts half as fresh, as mayfly_private.half_life has them. */
const halfLifeDays: Partial<Record<MemoryKind, number>> = {
  working: 1,
  conversation: 7,
  learning: 180,
  fact: 365,
};
const otherHalfLifeDays = 30;

/** Where a memory stands in the two searches. */
export type Places = Pick<
  ScoreParts,
  "words_rank" | "words" | "typos" | "vector_rank" | "similarity"
>;

/**
 * The score of a memory, 0 to 1, and its parts: with w the weights,
 *
 *   relevance = 61 * (w.words / (60 + rank by words) + w.meaning / (60 + rank by vector)) / (w.words + w.meaning)
 *   score     = relevance * (1 - w.reward - w.importance - w.recency
 *                 + w.reward * reward + w.importance * importance / 10 + w.recency * recency)
 */
export function scoreOf(
  memory: { kind: MemoryKind; reward: number | null; importance: number; createdAt: Date },
  places: Places,
  now: number,
  options: Pick<RecallOptions, "weights" | "halfLives"> = {},
): { score: number; parts: ScoreParts } {
  const {
    words = 1,
    meaning = 1,
    reward = 0.1,
    importance = 0.1,
    recency = 0.1,
  } = options.weights ?? {};
  const share = (place: number | null) => (place === null ? 0 : 1 / (k + place));
  const fused = words * share(places.words_rank) + meaning * share(places.vector_rank);
  const age = Math.max(now - memory.createdAt.getTime(), 0);
  const halfLife =
    options.halfLives?.[memory.kind] ?? halfLifeDays[memory.kind] ?? otherHalfLifeDays;
  const parts = {
    ...places,
    // Without words and meaning there is nothing to fuse.
    relevance: words + meaning > 0 ? ((k + 1) * fused) / (words + meaning) : 0,
    reward: memory.reward ?? 0.5,
    importance: memory.importance,
    recency: 0.5 ** (age / (halfLife * dayMs)),
  };
  const rest = 1 - reward - importance - recency;
  const worth = reward * parts.reward + (importance * parts.importance) / 10;
  return { score: parts.relevance * (rest + worth + recency * parts.recency), parts };
}
