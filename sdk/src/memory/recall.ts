import type { MayflyError } from "../contract/errors.ts";
import { instantOf, invalid } from "../contract/invalid.ts";
import { type MemoryKind, queryRequest } from "../contract/schemas.ts";
import type { RecallAnswer, SurroundingRow } from "./answers.ts";
import { contentFromRow, type MemoryContent } from "./memory.ts";
import type { ScoreParts } from "./score.ts";

/** A memory that answers a question. */
export interface RecalledMemory extends MemoryContent {
  /**
   * The name of the agent that learned it. Null if unknown: a local recall knows only its own agent's name.
   */
  agentName: string | null;
  /** When that agent ended. Null while it is alive, and if it is not known. */
  agentEndedAt: Date | null;
  /** The score, 0 to 1. `parts` shows how it came about. */
  score: number;
  parts: ScoreParts;
  /** The ids of lower-ranked memories that say the same, or nearly the same. Empty with `grouped: false`. */
  duplicates: string[];
  /** Memories right before and after it. Only with `surrounding`, and only from the server. */
  surroundings?: Surrounding[];
}

/** A memory right before or after a result. */
export interface Surrounding {
  /** Its distance from the result: negative before it, positive after it. */
  place: number;
  id: string;
  kind: MemoryKind;
  task: string;
  /** The first 2,000 characters. The same for `output`. */
  input: string;
  output: string;
  agentId: string | null;
  createdAt: Date;
}

/** The weights of a recall. Reward, importance and recency together are at most 1. */
export interface RecallWeights {
  /** The weight of words, 0 to 100. 1 by default. */
  words?: number;
  /**
   * The weight of meaning, 0 to 100. By default the weight of the embedding model: 0.1 for the development
   * embedder, 1 for every other.
   */
  meaning?: number;
  /** How much of its score a memory lends to those right before and after it, 0 to 1. 0.3 by default. */
  neighbours?: number;
  /** 0 to 1; 0.1 by default. */
  reward?: number;
  /** 0 to 1; 0.1 by default. */
  importance?: number;
  /** 0 to 1; 0.1 by default. */
  recency?: number;
}

/** Which memories a recall searches, and how it ranks them. */
export interface RecallOptions {
  kinds?: MemoryKind[];
  /** A memory must have all of these. */
  tags?: string[];
  /** Only memories of this agent. */
  agentId?: string;
  minReward?: number;
  since?: Date;
  /** Only memories made before this time. */
  until?: Date;
  /** Only memories with exactly this task. */
  task?: string;
  sessionId?: string;
  conversationId?: string;
  weights?: RecallWeights;
  /**
   * After how many days a memory of a kind loses half its freshness. By default 1 for working, 7 for
   * conversation, 180 for learning, 365 for fact, 30 for the others.
   */
  halfLives?: Partial<Record<MemoryKind, number>>;
  /** 1 to 100; 10 by default. */
  limit?: number;
  /** Near duplicates are merged into one result, with the ids of the others. `false` returns each of them. */
  grouped?: boolean;
  /**
   * How many memories before and after each hit to return, from its conversation or session: 0 to
   * 5.
   */
  surrounding?: number;
  /** Whether `parts` also have the weights and the rarity of the words. */
  explain?: boolean;
  /** Your own vector of the query, 384 numbers, with the name of its model. */
  embedding?: number[];
  model?: string;
}

/** The body of a recall. */
export function toQuery(options: RecallOptions): Record<string, unknown> {
  const { agentId, minReward, since, until, sessionId, conversationId, halfLives, ...rest } =
    options;
  return {
    ...rest,
    ...(agentId && { agent: agentId }),
    ...(minReward !== undefined && { min_reward: minReward }),
    ...(since && { since: instantOf(since) }),
    ...(until && { until: instantOf(until) }),
    ...(sessionId && { session: sessionId }),
    ...(conversationId && { conversation: conversationId }),
    ...(halfLives && { half_lives: halfLives }),
  };
}

/** Finds the error that the server would return, because a local recall does not ask the server. */
export function wrongQuery(query: string, options: RecallOptions): MayflyError | null {
  const { error } = queryRequest.safeParse({ query, ...toQuery(options) });
  const [issue] = error?.issues ?? [];
  return issue ? invalid(issue.path.join(".") || "query", issue.message) : null;
}

/** What a recall searched. */
export interface Searched {
  /** How many memories the caller may see. An estimate if `exact` is false. */
  memories: number;
  /** How many of them have a vector of the model. Only these are found by meaning. */
  withVector: number;
  exact: boolean;
}

/** What a recall found, and how. */
export interface Recall {
  /**
   * `hybrid`: by words and by meaning. `words_only`: no embedding could be made, or no memory has a vector of
   * its model. `local`: from the agent's cache, by words, and by meaning if there is an embedder in the
   * cache.
   */
  mode: "hybrid" | "words_only" | "local";
  /** The embedding model. Null if meaning was not searched. */
  model: string | null;
  /**
   * The server's reason why it did not search by meaning. Null if meaning was searched, or if you did not
   * ask for that.
   */
  problem: string | null;
  /** What was searched. Missing in a local recall, and from a server before 0.2. */
  searched?: Searched;
  results: RecalledMemory[];
}

export function recallFromAnswer(answer: RecallAnswer): Recall {
  const { results, searched, ...rest } = answer;
  return {
    ...rest,
    ...(searched && {
      searched: {
        memories: searched.memories,
        withVector: searched.with_vector,
        exact: searched.exact,
      },
    }),
    results: results.map(({ agent_name, agent_ended_at, score, parts, ...row }) => ({
      ...contentFromRow(row),
      agentName: agent_name,
      agentEndedAt: agent_ended_at ? new Date(agent_ended_at) : null,
      score,
      parts,
      duplicates: row.duplicates ?? [],
      ...(row.surroundings && { surroundings: row.surroundings.map(surroundingFromRow) }),
    })),
  };
}

const surroundingFromRow = ({ agent_id, created_at, ...rest }: SurroundingRow): Surrounding => ({
  ...rest,
  agentId: agent_id,
  createdAt: new Date(created_at),
});
