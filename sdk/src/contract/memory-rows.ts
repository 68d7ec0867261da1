/** Memories as the server gives them. */
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

/** A row of mayfly.memories, as far as every answer has it. */
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

/** A row of mayfly.memories, as far as it is read. */
export interface MemoryRow extends ContentRow {
  session_id: string | null;
  conversation_id: string | null;
  success: boolean | null;
  visibility: string;
  version: number;
  updated_at: string;
  expires_at: string | null;
  /** The caller's own name of it. */
  key: string | null;
  /** In a sync: the clock of each field that was updated. */
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
