import type { MayflyError } from "../contract/errors.ts";
import { instantOf, invalid } from "../contract/invalid.ts";
import { type MemoryKind, queryRequest } from "../contract/schemas.ts";
import type { RecallAnswer, SurroundingRow } from "./answers.ts";
import { contentFromRow, type MemoryContent } from "./memory.ts";
import type { ScoreParts } from "./score.ts";

/** A memory that answers a question. */
export interface RecalledMemory extends MemoryContent {
  /** Null where it is not known: a local recall knows its own alone. */
  agentName: string | null;
  /** When that agent ended; null while it is alive, and where it is not known. */
  agentEndedAt: Date | null;
  /** 0 to 1; `parts` takes it apart. */
  score: number;
  parts: ScoreParts;
  /** The memories behind it that say the same, or nearly; empty with `grouped: false`. */
  duplicates: string[];
  /** What was remembered right before and after it; only with `surrounding`, and only from the server. */
  surroundings?: Surrounding[];
}

/** A memory that was remembered right before or after one that was found. */
export interface Surrounding {
  /** From -1 backwards and from 1 on. */
  place: number;
  id: string;
  kind: MemoryKind;
  task: string;
  /** The first 2,000 characters, as of `output`. */
  input: string;
  output: string;
  agentId: string | null;
  createdAt: Date;
}

/** Reward, importance and recency at most 1 together. */
export interface RecallWeights {
  /** Of the words, 0 to 100; 1 by default. */
  words?: number;
  /**
   * Of the meaning, 0 to 100. By default what its model is worth: 0.1 for the development embedder, 1 for
   * every other.
   */
  meaning?: number;
  /** The part of its score that a memory lends to those right before and after it, 0 to 1; 0.3 by default. */
  neighbours?: number;
  /** 0 to 1; 0.1 by default. */
  reward?: number;
  /** 0 to 1; 0.1 by default. */
  importance?: number;
  /** 0 to 1; 0.1 by default. */
  recency?: number;
}

/** Which memories a recall looks through, and how it weighs them. */
export interface RecallOptions {
  kinds?: MemoryKind[];
  /** All of them. */
  tags?: string[];
  /** Learned by this agent. */
  agentId?: string;
  minReward?: number;
  since?: Date;
  /** Excluded. */
  until?: Date;
  /** Of this very task. */
  task?: string;
  sessionId?: string;
  conversationId?: string;
  weights?: RecallWeights;
  /**
   * After how many days a memory of a kind counts half as fresh. By default 1 for working, 7 for
   * conversation, 180 for learning, 365 for fact, 30 for the others.
   */
  halfLives?: Partial<Record<MemoryKind, number>>;
  /** 1 to 100; 10 by default. */
  limit?: number;
  /** Near duplicates are one result, with the ids of the others; `false` gives each of them. */
  grouped?: boolean;
  /** How many memories before and after each hit come with it, from its conversation or session: 0 to 5. */
  surrounding?: number;
  /** `parts` also say how rare the words are, and which weights there were. */
  explain?: boolean;
  /** The caller's own vector of the query, 384 numbers, with the name of its model. */
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

/** What the server would refuse of a recall, where it is not asked. */
export function wrongQuery(query: string, options: RecallOptions): MayflyError | null {
  const { error } = queryRequest.safeParse({ query, ...toQuery(options) });
  const [issue] = error?.issues ?? [];
  return issue ? invalid(issue.path.join(".") || "query", issue.message) : null;
}

/** What a recall looked through. */
export interface Searched {
  /** How many memories the caller may see; about, where `exact` is false. */
  memories: number;
  /** How many of them have a vector of the model: only these are found by meaning. */
  withVector: number;
  exact: boolean;
}

/** What a recall found, and how. */
export interface Recall {
  /**
   * `hybrid`: by words and by meaning. `words_only`: no embedding could be made, or no
   * memory has one of its model. `local`: from what
   * this agent holds itself, by words and, with an embedder here, by meaning.
   */
  mode: "hybrid" | "words_only" | "local";
  /** The embedding model; null where meaning was not asked. */
  model: string | null;
  /** Why it is not by words and meaning, from the server; null when that was not asked for. */
  problem: string | null;
  /** What was searched; missing where a server before 0.2 answers, and in a local recall. */
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
