import { MayflyError } from "../contract/errors.ts";
import type { Operation } from "../contract/schemas.ts";
import type { OutboxChange, OutboxEntry } from "./storage.ts";

/** An operation that the server refused, with its reason. */
export interface DeadLetter {
  operation: Operation;
  /** The agent that queued it; null for a person or the secret key. */
  agentId: string | null;
  error: MayflyError;
}

type HeldOperation = OutboxEntry & { bytes: number };

/** As many operations a push as may carry a vector. */
const batchSize = 100;
/** Well under the 4 MB that a push may have: the function adds a vector to each, 2 KB. */
const batchBytes = 2_000_000;

/** The operations of an outbox as they are held in memory, in order, and their size. */
export class HeldOperations {
  readonly #entries = new Map<string, HeldOperation>();
  #bytes = 0;

  /** How many operations, dead letters included. */
  get size(): number {
    return this.#entries.size;
  }

  /** How large they are as JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  apply({ put = [], remove = [] }: OutboxChange): void {
    for (const id of remove) {
      this.#bytes -= this.#entries.get(id)?.bytes ?? 0;
      this.#entries.delete(id);
    }
    for (const entry of put) {
      const { id } = entry.operation;
      const bytes = sizeOf(entry.operation);
      this.#bytes += bytes - (this.#entries.get(id)?.bytes ?? 0);
      this.#entries.set(id, { ...entry, bytes });
    }
  }

  /** How many wait: of one agent, or of all. */
  waiting(agentId?: string): number {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (!entry.error && (agentId === undefined || entry.agentId === agentId)) count++;
    }
    return count;
  }

  /** What waits of an agent. */
  operations(agentId: string): Operation[] {
    return [...this.#entries.values()].flatMap((entry) =>
      !entry.error && entry.agentId === agentId ? [entry.operation] : [],
    );
  }

  /** Whether the server refused this operation. */
  isRefused(operationId: string): boolean {
    return this.#entries.get(operationId)?.error !== undefined;
  }

  get deadLetters(): DeadLetter[] {
    return [...this.#entries.values()].flatMap(({ operation, agentId, error }) =>
      error ? [{ operation, agentId, error: new MayflyError(error) }] : [],
    );
  }

  /** The dead letters with these ids of operations, or all. */
  dead(ids?: string[]): OutboxEntry[] {
    return [...this.#entries.values()].filter(
      ({ operation, error }) => error && (!ids || ids.includes(operation.id)),
    );
  }

  /** The memories that operations of this type wait for. */
  memories(type: Operation["type"]): Set<string> {
    const ids = new Set<string>();
    for (const { operation, error } of this.#entries.values()) {
      if (!error && operation.type === type) ids.add(operation.memory.id);
    }
    return ids;
  }

  /**
   * What waits of `agentId`; when it has nothing, what waits of those who push nothing themselves.
   *
   * @param owners the agents that push their own.
   * @param freeing only what makes room: deletes of memories that the server has.
   */
  oldest(
    agentId: string | null,
    owners: ReadonlyMap<string, number>,
    freeing: boolean,
  ): HeldOperation[] {
    const puts = freeing ? this.memories("memory.put") : undefined;
    const waiting = [...this.#entries.values()].filter(
      ({ operation: { type, memory }, error }) =>
        !error && (!puts || (type === "memory.delete" && !puts.has(memory.id))),
    );
    const own = waiting.filter((entry) => agentId !== null && entry.agentId === agentId);
    if (own.length > 0) return own;
    return waiting.filter(
      (entry) =>
        (agentId === null || entry.agentId !== agentId) && !owners.has(entry.agentId ?? ""),
    );
  }
}

/** As many of the first as go into one push. */
export function firstBatch(operations: HeldOperation[]): OutboxEntry[] {
  const batch: OutboxEntry[] = [];
  const memories = new Set<string>();
  let bytes = 0;
  for (const entry of operations) {
    bytes += entry.bytes;
    const memory = entry.operation.memory.id;
    // Send only one operation for each memory in a push.
    if (batch.length === batchSize || memories.has(memory)) break;
    if (batch.length > 0 && bytes > batchBytes) break;
    memories.add(memory);
    batch.push(entry);
  }
  return batch;
}

export const sizeOf = (operation: Operation) =>
  new TextEncoder().encode(JSON.stringify(operation)).length;
