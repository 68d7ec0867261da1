/** Memories as the server returns them. */
import { z } from "zod";
import {
  count,
  type Fields,
  flag,
  maybeCount,
  maybeText,
  row,
  text,
  texts,
  value,
} from "./answer-form.ts";
import type { MemoryKind } from "./schemas.ts";

/** The columns of mayfly.memories that every answer has. */
export interface ContentRow {
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

/** The columns of mayfly.memories that are read. */
export interface MemoryRow extends ContentRow {
  session_id: string | null;
  conversation_id: string | null;
  success: boolean | null;
  visibility: string;
  version: number;
  updated_at: string;
  expires_at: string | null;
  /** The caller's key for it. */
  key: string | null;
  /** In a sync, the timestamp of each updated field. */
  hlc?: Record<string, string>;
}

export const memoryColumns =
  "id, kind, task, input, output, critique, reward, importance, tags, metadata, agent_id, created_at, session_id, conversation_id, success, visibility, version, updated_at, expires_at, key";

export const content: Fields<ContentRow> = {
  id: text,
  kind: text,
  task: text,
  input: text,
  output: text,
  critique: text,
  reward: maybeCount,
  importance: count,
  tags: texts,
  metadata: value,
  agent_id: maybeText,
  created_at: text,
};
export const memoryRow = row<MemoryRow>({
  ...content,
  session_id: maybeText,
  conversation_id: maybeText,
  success: flag.nullable(),
  visibility: text,
  version: count,
  updated_at: text,
  expires_at: maybeText,
  key: maybeText,
  hlc: z.record(text, text).optional(),
});

/** The fields of a memory that every answer has. */
export interface MemoryContent {
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
  /** The agent that learned it, whether or not it is still alive. */
  agentId: string | null;
  createdAt: Date;
  /**
   * True if the agent that reads the memory has changes to it in its outbox. These changes are included,
   * but the server has not acknowledged them. Missing if there are no such changes.
   */
  unsynced?: true;
}

/** A memory as it is read. */
export interface Memory extends MemoryContent {
  sessionId: string | null;
  /** The conversation or thread to which it belongs. */
  conversationId: string | null;
  success: boolean | null;
  /**
   * Who may read it. `tenant`: everyone. `agent`: its agent, the agent's ancestors and the tenant's admins.
   */
  visibility: "tenant" | "agent";
  /** Increases with each change. */
  version: number;
  updatedAt: Date;
  /** When it expires. From then on, no recall finds it. */
  expiresAt: Date | null;
  /** The key that its caller gave it. */
  key: string | null;
}

export const contentFromRow = (row: ContentRow): MemoryContent => ({
  id: row.id,
  kind: row.kind as MemoryKind,
  task: row.task,
  input: row.input,
  output: row.output,
  critique: row.critique,
  reward: row.reward,
  importance: row.importance,
  tags: row.tags,
  metadata: row.metadata as Record<string, unknown>,
  agentId: row.agent_id,
  createdAt: new Date(row.created_at),
});

export const memoryFromRow = (row: MemoryRow): Memory => ({
  ...contentFromRow(row),
  sessionId: row.session_id,
  conversationId: row.conversation_id,
  success: row.success,
  visibility: row.visibility as Memory["visibility"],
  version: row.version,
  updatedAt: new Date(row.updated_at),
  expiresAt: row.expires_at ? new Date(row.expires_at) : null,
  key: row.key,
});
