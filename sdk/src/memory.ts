import type { Memory as MemoryBody, MemoryKind } from "./schemas.ts";

/** Something to remember. At least one of task, input and output has text. */
export interface NewMemory {
  /** A UUIDv7; made when it is left out. */
  id?: string;
  /** `episode` by default. */
  kind?: MemoryKind;
  task?: string;
  input?: string;
  output?: string;
  critique?: string;
  /** How well it went, 0 to 1. */
  reward?: number;
  success?: boolean;
  /** 1 to 10; 5 by default. */
  importance?: number;
  tags?: string[];
  metadata?: Record<string, unknown>;
  sessionId?: string;
  conversationId?: string;
  tokens?: number;
  latencyMs?: number;
  /** `tenant` by default; `agent`: this agent, its ancestors and the tenant's admins alone. */
  visibility?: "tenant" | "agent";
  expiresAt?: Date;
}

/** A memory as it is read. */
export interface Memory {
  id: string;
  kind: MemoryKind;
  task: string;
  input: string;
  output: string;
  critique: string;
  reward: number | null;
  importance: number;
  tags: string[];
  metadata: Record<string, unknown>;
  /** The agent that learned it, alive or not. */
  agentId: string | null;
  createdAt: Date;
}

/** A memory that answers a question. */
export interface RecalledMemory extends Memory {
  agentName: string | null;
  /** When that agent ended; null while it is alive. */
  agentEndedAt: Date | null;
  /** 0 to 1; `parts` takes it apart. */
  score: number;
  parts: {
    words_rank: number | null;
    words: number | null;
    /** How like words of its task and tags are to words of the question that nothing has. */
    typos: number | null;
    vector_rank: number | null;
    similarity: number | null;
    relevance: number;
    reward: number;
    importance: number;
    recency: number;
  };
}

/** Each 0 to 1; reward, importance and recency at most 1 together. */
export interface RecallWeights {
  /** Of the rank by words; 1 by default. */
  words?: number;
  /** Of the rank by meaning; 1 by default. */
  meaning?: number;
  /** 0.1 by default. */
  reward?: number;
  /** 0.1 by default. */
  importance?: number;
  /** 0.1 by default. */
  recency?: number;
}

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
}

/** The body of a recall. */
export function toQuery(options: RecallOptions): Record<string, unknown> {
  const { agentId, minReward, since, until, sessionId, conversationId, halfLives, ...rest } =
    options;
  return {
    ...rest,
    ...(agentId && { agent: agentId }),
    ...(minReward !== undefined && { min_reward: minReward }),
    ...(since && { since: since.toISOString() }),
    ...(until && { until: until.toISOString() }),
    ...(sessionId && { session: sessionId }),
    ...(conversationId && { conversation: conversationId }),
    ...(halfLives && { half_lives: halfLives }),
  };
}

export interface Recall {
  /** `words_only` when no embedding could be made: `problem` says why. */
  mode: "hybrid" | "words_only";
  /** The embedding model. */
  model: string | null;
  problem: string | null;
  results: RecalledMemory[];
}

export interface ListOptions {
  kinds?: MemoryKind[];
  /** All of them. */
  tags?: string[];
  /** `next` of the page before. */
  after?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

export interface MemoryPage {
  memories: Memory[];
  /** Where the next page starts; null at the end. */
  next: string | null;
}

/** Something that happened in the tenant. Ids and field names only, never content. */
export interface LogEvent {
  type: string;
  subject: string | null;
  agent_id: string | null;
  version: number | null;
  fields: string[] | null;
  at: string;
}

export interface LogPage {
  events: LogEvent[];
  /** The memories that the events are about, or, in a first sync, all there are. */
  memories: Memory[];
}

/** What `POST /sync` gives. */
export interface SyncAnswer {
  events: LogEvent[];
  memories: MemoryRow[];
  cursor: string;
  more: boolean;
}

/** A row of mayfly.memories, as far as it is read. */
export interface MemoryRow {
  id: string;
  kind: string;
  task: string;
  input: string;
  output: string;
  critique: string;
  reward: number | null;
  importance: number;
  tags: string[];
  metadata: unknown;
  agent_id: string | null;
  created_at: string;
}

export const memoryColumns =
  "id, kind, task, input, output, critique, reward, importance, tags, metadata, agent_id, created_at";

export function memoryFromRow(row: MemoryRow): Memory {
  const { agent_id, created_at, kind, metadata, ...rest } = row;
  return {
    ...rest,
    kind: kind as MemoryKind,
    metadata: metadata as Record<string, unknown>,
    agentId: agent_id,
    createdAt: new Date(created_at),
  };
}

/** The body that pushes a memory. */
export function toMemory(memory: NewMemory, id: string, agentId: string): MemoryBody {
  const { sessionId, conversationId, latencyMs, expiresAt, ...rest } = memory;
  return {
    ...rest,
    id,
    agent_id: agentId,
    created_at: new Date().toISOString(),
    ...(sessionId && { session_id: sessionId }),
    ...(conversationId && { conversation_id: conversationId }),
    ...(latencyMs !== undefined && { latency_ms: latencyMs }),
    ...(expiresAt && { expires_at: expiresAt.toISOString() }),
  };
}

interface RecallAnswer extends Omit<Recall, "results"> {
  results: (MemoryRow & {
    agent_name: string | null;
    agent_ended_at: string | null;
    score: number;
    parts: RecalledMemory["parts"];
  })[];
}

export function recallFromAnswer(answer: unknown): Recall {
  const { results, ...rest } = answer as RecallAnswer;
  return {
    ...rest,
    results: results.map(({ agent_name, agent_ended_at, score, parts, ...row }) => ({
      ...memoryFromRow(row),
      agentName: agent_name,
      agentEndedAt: agent_ended_at ? new Date(agent_ended_at) : null,
      score,
      parts,
    })),
  };
}
