/** A score, taken apart. */
export interface ScoreParts {
  /** Its place among those found by words, from 1. */
  words_rank: number | null;
  /** How well the words fit; comparable within one answer alone. */
  words: number | null;
  /** How like words of its task and tags are to words of the question that nothing has. */
  typos: number | null;
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
  /** 0 to 1: halves after the half-life of its kind. */
  recency: number;
  /** That the places are those among what this agent holds itself; missing in what the server ranked. */
  local?: true;
}
