import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import type { LogEvent } from "../contract/log.ts";
import { type Memory, type MemoryContent, memoryFromRow } from "../contract/memory-rows.ts";
import type { Operation } from "../contract/operation.ts";
import type { MemoryKind } from "../contract/schemas.ts";

export {
  contentFromRow,
  type Memory,
  type MemoryContent,
  memoryFromRow,
} from "../contract/memory-rows.ts";

/** Something to remember. It needs text in at least one of task, input and output. */
export interface NewMemory {
  /** A UUIDv7. Made for you if you leave it out. */
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
  /**
   * Who may read it. `tenant` by default. With `agent`, only this agent, its ancestors and the tenant's
   * admins.
   */
  visibility?: "tenant" | "agent";
  expiresAt?: Date;
  /**
   * Your own key, up to 200 characters. Remembering with the same key changes that memory. The key belongs to
   * the tenant, or with the visibility `agent` to this agent.
   */
  key?: string;
  /** Store it even if the tenant has a memory with identical content. */
  allowDuplicate?: boolean;
  /** Your own vector, 384 numbers, with the name of its model. */
  embedding?: number[];
  model?: string;
}

/** Which memories to list, and where their page starts. */
export interface ListOptions {
  /** Only memories with these ids, such as the ones in events of the log: 100 at most. */
  ids?: string[];
  kinds?: MemoryKind[];
  /** A memory must have all of these. */
  tags?: string[];
  /** Only memories of this agent. */
  agentId?: string;
  sessionId?: string;
  conversationId?: string;
  /** The memory with this key: the tenant's, and the caller's own. */
  key?: string;
  minReward?: number;
  /** Only memories with at least this importance, 1 to 10. */
  minImportance?: number;
  /** Memories are sorted by id, the oldest first by default. Ids that the SDK makes sort by time. */
  newestFirst?: boolean;
  /** `next` of the previous page. */
  after?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** A page of memories. */
export interface MemoryPage {
  memories: Memory[];
  /** Where the next page starts. Null at the end. */
  next: string | null;
}

/** What a sync pulled: events, and the memories that they are about. */
export interface LogPage {
  events: LogEvent[];
  /** The memories that the events are about. In a first sync, all existing memories. */
  memories: Memory[];
}

/** The fields of a memory that every answer has. */
export const contentOf = (memory: MemoryContent): MemoryContent => {
  const { id, kind, task, input, output, critique, reward, importance } = memory;
  const { tags, metadata, agentId, createdAt } = memory;
  return {
    ...{ id, kind, task, input, output, critique, reward, importance },
    ...{ tags, metadata, agentId, createdAt },
  };
};

export type Put = Extract<Operation, { type: "memory.put" }>;
export type Update = Extract<Operation, { type: "memory.update" }>;

/** A new memory in the form in which it will be read. It is shown until the server answers. */
export const memoryFromBody = (id: string, body: Put["body"], agentId: string | null): Memory =>
  memoryFromRow({
    id,
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

/**
 * The body of the operation that pushes a memory. `createdAt` is the server's time, even if this machine's
 * clock is wrong.
 */
export function toMemory(
  memory: NewMemory,
  agentId: string | null,
  createdAt: Date | null,
): Put["body"] {
  const {
    id: _id,
    sessionId,
    conversationId,
    latencyMs,
    expiresAt,
    allowDuplicate,
    embedding,
    model,
    ...rest
  } = memory;
  return {
    ...rest,
    ...(embedding && model !== undefined && { embedding, model }),
    ...(agentId && { agent_id: agentId }),
    ...(createdAt && { created_at: createdAt.toISOString() }),
    // A memory with a key is already stored only once.
    ...(!allowDuplicate && memory.key === undefined && { once: true }),
    ...(sessionId && { session_id: idOf(sessionId) }),
    ...(conversationId && { conversation_id: idOf(conversationId) }),
    ...(latencyMs !== undefined && { latency_ms: latencyMs }),
    ...(expiresAt && { expires_at: instantOf(expiresAt) }),
  };
}

/** Fields of a memory. Null resets a field to its default. */
export type MemoryFields = {
  [Name in Exclude<keyof NewMemory, "id" | "key" | "allowDuplicate" | "embedding" | "model">]?:
    | NewMemory[Name]
    | null;
};

/** A change of some fields of a memory, and how to merge it with the changes of others. */
export interface MemoryChange {
  set: MemoryFields;
  /**
   * The values that you saw. `manual` needs them for each field of `set`, and `merge` works better with them.
   */
  base?: MemoryFields;
  /**
   * What to do with a field that somebody else has changed meanwhile: `latest_wins` (default), `merge` (a
   * three-way merge: tags by what was added and removed, metadata key by key at every level), or `manual`
   * (kept as a conflict).
   */
  resolve?: "latest_wins" | "merge" | "manual";
  /** Conflicts in `mayfly.memory_conflicts` that this resolves. `set` may then be empty. */
  settles?: string[];
}

/** Fields in the form in which they are pushed. */
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
