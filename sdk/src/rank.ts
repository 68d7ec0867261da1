/** How a local recall weighs: the formula of mayfly_private.recall, over the cache. */

/**
 * Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion
 * outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.
 */
const k = 60;
const halfLifeMs = 30 * 86_400_000;

/** A score, taken apart. */
export interface ScoreParts {
  /** Its place among those found by words, from 1. */
  words_rank: number | null;
  /** How well the words fit; comparable within one answer alone. */
  words: number | null;
  /** Its place among those found by meaning, from 1. */
  vector_rank: number | null;
  /** The cosine, above 0. */
  similarity: number | null;
  /** 0 to 1: both places, fused. */
  relevance: number;
  /** 0 to 1; an unknown reward counts as 0.5. */
  reward: number;
  /** 1 to 10. */
  importance: number;
  /** 0 to 1: halves every 30 days. */
  recency: number;
}

/** Where a memory stands in the two searches. */
export type Places = Pick<ScoreParts, "words_rank" | "words" | "vector_rank" | "similarity">;

/**
 * The score of a memory, 0 to 1, and its parts.
 *
 *   relevance = (61 / 2) * (1 / (60 + rank by words) + 1 / (60 + rank by vector))
 *   score     = relevance * (0.7 + 0.1 * reward + 0.1 * importance / 10 + 0.1 * recency)
 */
export function scoreOf(
  memory: { reward: number | null; importance: number; createdAt: Date },
  places: Places,
  now: number,
): { score: number; parts: ScoreParts } {
  const share = (place: number | null) => (place === null ? 0 : 1 / (k + place));
  const relevance = ((k + 1) / 2) * (share(places.words_rank) + share(places.vector_rank));
  const age = Math.max(now - memory.createdAt.getTime(), 0);
  const parts = {
    ...places,
    relevance,
    reward: memory.reward ?? 0.5,
    importance: memory.importance,
    recency: 0.5 ** (age / halfLifeMs),
  };
  const weight = 0.7 + 0.1 * parts.reward + 0.01 * parts.importance + 0.1 * parts.recency;
  return { score: relevance * weight, parts };
}
