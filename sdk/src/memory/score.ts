/** A score, broken down. */
export interface ScoreParts {
  /** The memory's rank among those found by words, from 1. */
  words_rank: number | null;
  /** The memory's score by words, which decides its rank by words. */
  words: number | null;
  /**
   * How well the words match, 0 to 1. It is about 1 if the memory has everything that was asked for. The
   * scale is the same for every question.
   */
  fit?: number | null;
  /**
   * How similar the words of its task and tags are to those words of the question that no memory contains.
   */
  typos: number | null;
  /** The memory's rank among those found by meaning, from 1. */
  vector_rank: number | null;
  /** The cosine, above 0. */
  similarity: number | null;
  /**
   * The gain from the scores of the memories right before and after it in its thread. Part of `relevance`.
   */
  neighbours?: number | null;
  /** 0 to 1: words and meaning combined. */
  relevance: number;
  /** The memory's reward, 0 to 1. An unknown reward counts as 0.5. */
  reward: number;
  /** The memory's importance, 1 to 10. */
  importance: number;
  /** How fresh the memory is, 0 to 1. After the half-life of its kind, half of this is left. */
  recency: number;
  /** True if the ranks are among the memories that this agent holds itself. Missing if the server ranked. */
  local?: true;
  /** With `explain`: the weights that were used. */
  weights?: Record<string, number>;
  /** With `explain`: how well the best results match, 0 to 1. */
  level?: number;
  /** With `explain`: the words of the question, and how rare they are. */
  asked?: AskedWords;
}

/** The words of a question. */
export interface AskedWords {
  /** About how many memories there are. */
  memories: number;
  /**
   * The number of memories in which words were counted. Null if they were counted in all memories.
   */
  counted_in: number | null;
  words: {
    word: string;
    /** How much a memory gains if it has this word. */
    rarity: number;
    /** About how many memories have this word. */
    memories: number;
    /** Whether memories were selected by this word. The other words only rank them. */
    chooses: boolean;
  }[];
}
