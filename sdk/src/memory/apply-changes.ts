import type { PushResult } from "../contract/log.ts";
import { fromRow } from "../link/rows.ts";
import { type Memory, memoryFromBody, type Put, type Update } from "./memory.ts";

/** Fields of a memory as an update sends them. Null resets a field to its default. */
type Fields = Record<string, unknown>;

const defaults = memoryFromBody("", {}, null);

/** A memory with these fields changed. */
export function withFields(memory: Memory, fields: Fields): Memory {
  const known = Object.entries(fromRow(fields)).filter(([name]) => name in memory);
  const set = known.map(([name, value]) => [name, value ?? defaults[name as keyof Memory]]);
  return { ...memory, ...Object.fromEntries(set), updatedAt: new Date() };
}

/**
 * A memory after an update, as far as the server's answer shows. It has the fields that the server
 * accepted. Fields that the server merged or kept stay as they are here until the next pull.
 */
export function settledBy(memory: Memory, fields: Fields, result: PushResult): Memory {
  const outcomes = result.fields ?? {};
  const taken = Object.entries(fields).filter(
    ([name]) => outcomes[name] === "applied" || outcomes[name] === "unchanged",
  );
  if (taken.length === 0) return memory;
  const settled = withFields(memory, Object.fromEntries(taken));
  // If this change alone does not lead to the server's version, a later pull brings the rest.
  const whole =
    taken.length === Object.keys(fields).length && result.version === memory.version + 1;
  return whole ? { ...settled, version: memory.version + 1 } : settled;
}

/**
 * Turns a put with a key into an update, as the server does if the tenant has a memory with that key. The
 * update replaces text and tags as a whole, and changes other fields only if they are set.
 */
export function asUpdate({ id, subject, body }: Put): Update {
  const { key, once, hlc, agent_id, created_at, visibility, embedding, model, ...given } = body;
  const set = { task: null, input: null, output: null, critique: null, tags: null, ...given };
  return { id, type: "memory.update", subject, body: { set } };
}
