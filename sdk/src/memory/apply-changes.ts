import type { PushResult } from "../contract/log.ts";
import type { Operation } from "../contract/schemas.ts";
import { fromRow } from "../link/rows.ts";
import { type Memory, memoryFromBody } from "./memory.ts";

/** Fields of a memory as an update sends them; null is the default. */
type Fields = Record<string, unknown>;

const defaults = memoryFromBody({ id: "" }, null);

/** A memory with these fields changed, as far as one that is read has them. */
export function withFields(memory: Memory, fields: Fields): Memory {
  const known = Object.entries(fromRow(fields)).filter(([name]) => name in memory);
  const set = known.map(([name, value]) => [name, value ?? defaults[name as keyof Memory]]);
  return { ...memory, ...Object.fromEntries(set), updatedAt: new Date() };
}

/**
 * A memory as the server has it after an update, as far as its answer tells: the fields that it took.
 * What it merged or kept is as it was here, and comes with the next pull.
 */
export function settledBy(memory: Memory, fields: Fields, result: PushResult): Memory {
  const outcomes = result.fields ?? {};
  const taken = Object.entries(fields).filter(
    ([name]) => outcomes[name] === "applied" || outcomes[name] === "unchanged",
  );
  if (taken.length === 0) return memory;
  const settled = withFields(memory, Object.fromEntries(taken));
  // Of a version that has more than this in it, the rest is still to come.
  const whole =
    taken.length === Object.keys(fields).length && result.version === memory.version + 1;
  return whole ? { ...settled, version: memory.version + 1 } : settled;
}

type Update = Extract<Operation, { type: "memory.update" }>;

/**
 * A put with a key as what it is where the tenant has that key: an update with its text and tags as a
 * whole, and of the other fields those that it has.
 */
export function asUpdate({ id, memory }: Extract<Operation, { type: "memory.put" }>): Update {
  const { id: target, key, once, hlc, agent_id, created_at, visibility, ...given } = memory;
  const set = { task: null, input: null, output: null, critique: null, tags: null, ...given };
  return { id, type: "memory.update", memory: { id: target, set } };
}
