import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import type { LogEvent } from "../contract/log.ts";
import { type Memory, type MemoryContent, memoryFromRow } from "../contract/memory-rows.ts";
import type { Memory as MemoryBody, MemoryKind } from "../contract/schemas.ts";

export {
  contentFromRow,
  type Memory,
  type MemoryContent,
  memoryFromRow,
} from "../contract/memory-rows.ts";

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
  /**
   * Your own name of it, up to 200 characters: remembering with the same key changes that memory. It is
   * the tenant's, or, with the visibility `agent`, this agent's own.
   */
  key?: string;
  /** Store it also where the tenant has a memory with identical content. */
  allowDuplicate?: boolean;
  /** The caller's own vector, 384 numbers, with the name of its model. */
  embedding?: number[];
  model?: string;
}

/** Which memories, and where their page starts. */
export interface ListOptions {
  kinds?: MemoryKind[];
  /** All of them. */
  tags?: string[];
  /** Learned by this agent. */
  agentId?: string;
  sessionId?: string;
  conversationId?: string;
  /** Of the tenant's memory with it, and the caller's own. */
  key?: string;
  minReward?: number;
  /** 1 to 10. */
  minImportance?: number;
  /** `next` of the page before. */
  after?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** Memories, a page of them. */
export interface MemoryPage {
  memories: Memory[];
  /** Where the next page starts; null at the end. */
  next: string | null;
}

/** What a sync pulled: events, and what they are about. */
export interface LogPage {
  events: LogEvent[];
  /** The memories that the events are about, or, in a first sync, all there are. */
  memories: Memory[];
}

/** Of a memory, what every answer says. */
export const contentOf = (memory: MemoryContent): MemoryContent => {
  const { id, kind, task, input, output, critique, reward, importance } = memory;
  const { tags, metadata, agentId, createdAt } = memory;
  return {
    ...{ id, kind, task, input, output, critique, reward, importance },
    ...{ tags, metadata, agentId, createdAt },
  };
};

/** What is remembered as it will be read, until the server has said so. */
export const memoryFromBody = (body: MemoryBody, agentId: string | null): Memory =>
  memoryFromRow({
    id: body.id,
    kind: body.kind ?? "episode",
    task: body.task ?? "",
    input: body.input ?? "",
    output: body.output ?? "",
    critique: body.critique ?? "",
    reward: body.reward ?? null,
    importance: body.importance ?? 5,
    tags: body.tags ?? [],
    metadata: body.metadata ?? {},
    agent_id: body.agent_id ?? agentId,
    created_at: body.created_at ?? new Date().toISOString(),
    session_id: body.session_id ?? null,
    conversation_id: body.conversation_id ?? null,
    success: body.success ?? null,
    visibility: body.visibility ?? "tenant",
    version: 1,
    updated_at: body.created_at ?? new Date().toISOString(),
    expires_at: body.expires_at ?? null,
    key: body.key ?? null,
  });

/** The body that pushes a memory. `createdAt` is the server's time, also where this machine's is wrong. */
export function toMemory(
  memory: NewMemory,
  id: string,
  agentId: string | null,
  createdAt: Date | null,
): MemoryBody {
  const {
    sessionId,
    conversationId,
    latencyMs,
    expiresAt,
    allowDuplicate,
    embedding: _embedding,
    model: _model,
    ...rest
  } = memory;
  return {
    ...rest,
    id,
    ...(agentId && { agent_id: agentId }),
    ...(createdAt && { created_at: createdAt.toISOString() }),
    // What has a key has its own way to be stored once.
    ...(!allowDuplicate && memory.key === undefined && { once: true }),
    ...(sessionId && { session_id: idOf(sessionId) }),
    ...(conversationId && { conversation_id: idOf(conversationId) }),
    ...(latencyMs !== undefined && { latency_ms: latencyMs }),
    ...(expiresAt && { expires_at: instantOf(expiresAt) }),
  };
}

/** Fields of a memory; null sets one back to its default. */
export type MemoryFields = {
  [Name in Exclude<keyof NewMemory, "id" | "key" | "allowDuplicate" | "embedding" | "model">]?:
    | NewMemory[Name]
    | null;
};

/** A change of some fields of a memory, and how it is settled with others. */
export interface MemoryChange {
  set: MemoryFields;
  /** What the fields were taken for: `manual` needs it for each of `set`, `merge` is better with it. */
  base?: MemoryFields;
  /**
   * How a field is settled that another has changed meanwhile: `latest_wins` (default), `merge` (three
   * ways: tags by what was added and removed, metadata deeply), or `manual`: kept as a conflict.
   */
  resolve?: "latest_wins" | "merge" | "manual";
  /** Conflicts of `mayfly.memory_conflicts` that this settles; `set` may then be empty. */
  settles?: string[];
}

/** Fields as they are pushed. */
export function toFields(fields: MemoryFields): Record<string, unknown> {
  const { sessionId, conversationId, latencyMs, expiresAt, ...rest } = fields;
  return {
    ...rest,
    ...(sessionId !== undefined && { session_id: sessionId && idOf(sessionId) }),
    ...(conversationId !== undefined && {
      conversation_id: conversationId && idOf(conversationId),
    }),
    ...(latencyMs !== undefined && { latency_ms: latencyMs }),
    ...(expiresAt !== undefined && { expires_at: expiresAt && instantOf(expiresAt) }),
  };
}
