/** A score, taken apart. */
export interface ScoreParts {
  /** Its place among those found by words, from 1. */
  words_rank: number | null;
  /** How well the words fit; what the order by words is made of. */
  words: number | null;
  /** How well the words fit, 0 to 1: about 1 where it has all that was asked for. The same for every question. */
  fit?: number | null;
  /** How like words of its task and tags are to words of the question that nothing has. */
  typos: number | null;
  /** Its place among those found by meaning, from 1. */
  vector_rank: number | null;
  /** The cosine, above 0. */
  similarity: number | null;
  /** What the memories before and after it in its conversation or session lend it; part of `relevance`. */
  neighbours?: number | null;
  /** 0 to 1: words and meaning, fused. */
  relevance: number;
  /** 0 to 1; an unknown reward counts as 0.5. */
  reward: number;
  /** 1 to 10. */
  importance: number;
  /** 0 to 1: halves after the half-life of its kind. */
  recency: number;
  /** That the places are those among what this agent holds itself; missing in what the server ranked. */
  local?: true;
  /** With `explain`: the weights it was ranked with. */
  weights?: Record<string, number>;
  /** With `explain`: how well the best of all do, 0 to 1. */
  level?: number;
  /** With `explain`: the words that were asked for, and how rare they are. */
  asked?: AskedWords;
}

/** The words of a question, as they were asked for. */
export interface AskedWords {
  /** How many memories there are, about. */
  memories: number;
  /** In how many of them the words were counted; null where in all. */
  counted_in: number | null;
  words: {
    word: string;
    /** What a memory that has it gains by it. */
    rarity: number;
    /** How many memories have it, about. */
    memories: number;
    /** Whether it chose what was looked at; the others only rank. */
    chooses: boolean;
  }[];
}
