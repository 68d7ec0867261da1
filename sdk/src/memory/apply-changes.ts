import type { PushResult } from "../contract/log.ts";
import type { Operation } from "../contract/schemas.ts";
import { fromRow } from "../link/rows.ts";
import { type Memory, memoryFromBody } from "./memory.ts";

/** Fields of a memory as an update sends them. Null resets a field to its default. */
type Fields = Record<string, unknown>;

const defaults = memoryFromBody({ id: "" }, null);

/** A memory with these fields changed. */
export function withFields(memory: Memory, fields: Fields): Memory {
  const known = Object.entries(fromRow(fields)).filter(([name]) => name in memory);
  const set = known.map(([name, value]) => [name, value ?? defaults[name as keyof Memory]]);
  return { ...memory, ...Object.fromEntries(set), updatedAt: new Date() };
}

/**
 * A memory as the server has it after an update, as far as its answer tells: with the fields that it
 * accepted. What it merged or kept stays as it was here, and arrives with the next pull.
 */
export function settledBy(memory: Memory, fields: Fields, result: PushResult): Memory {
  const outcomes = result.fields ?? {};
  const taken = Object.entries(fields).filter(
    ([name]) => outcomes[name] === "applied" || outcomes[name] === "unchanged",
  );
  if (taken.length === 0) return memory;
  const settled = withFields(memory, Object.fromEntries(taken));
  // The rest of a version that contains more than this is still to come.
  const whole =
    taken.length === Object.keys(fields).length && result.version === memory.version + 1;
  return whole ? { ...settled, version: memory.version + 1 } : settled;
}

type Update = Extract<Operation, { type: "memory.update" }>;

/**
 * A put with a key as an update, if the tenant has that key: it replaces text and tags as a whole, and
 * changes other fields only if they are set.
 */
export function asUpdate({ id, memory }: Extract<Operation, { type: "memory.put" }>): Update {
  const { id: target, key, once, hlc, agent_id, created_at, visibility, ...given } = memory;
  const set = { task: null, input: null, output: null, critique: null, tags: null, ...given };
  return { id, type: "memory.update", memory: { id: target, set } };
}
