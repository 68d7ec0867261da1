import type { Envelope } from "../contract/envelope.ts";
import { MayflyError } from "../contract/errors.ts";
import type { Operation } from "../contract/operation.ts";
import type { OutboxChange, OutboxEntry } from "./storage.ts";

/** An operation that the server refused, with the reason. */
export interface DeadLetter {
  operation: Operation;
  /** The agent that queued it. Null for a person or the secret key. */
  agentId: string | null;
  error: MayflyError;
}

type HeldOperation = OutboxEntry & { bytes: number };

/** How many operations to push at once. A push with vectors may not have more. */
const batchSize = 100;
/** Well below the 4 MB of a push, because the function adds a vector of 2 KB to each operation. */
const batchBytes = 2_000_000;

/** The operations of an outbox in memory, in order, with their size. */
export class HeldOperations {
  readonly #entries = new Map<string, HeldOperation>();
  #bytes = 0;

  /** How many operations, including dead letters. */
  get size(): number {
    return this.#entries.size;
  }

  /** The size of all operations as JSON. */
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

  /** How many operations of one agent, or of all agents, are waiting. */
  waiting(agentId?: string): number {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (!entry.error && (agentId === undefined || entry.agentId === agentId)) count++;
    }
    return count;
  }

  /** The waiting operations of an agent. */
  operations(agentId: string): Operation[] {
    return [...this.#entries.values()].flatMap((entry) =>
      !entry.error && entry.agentId === agentId ? [entry.operation as Operation] : [],
    );
  }

  /** Whether the server refused this operation. */
  isRefused(operationId: string): boolean {
    return this.#entries.get(operationId)?.error !== undefined;
  }

  get deadLetters(): DeadLetter[] {
    return [...this.#entries.values()].flatMap(({ operation, agentId, error }) =>
      error ? [{ operation: operation as Operation, agentId, error: new MayflyError(error) }] : [],
    );
  }

  /** The dead letters of the operations with these ids, or all dead letters. */
  dead(ids?: string[]): OutboxEntry[] {
    return [...this.#entries.values()].filter(
      ({ operation, error }) => error && (!ids || ids.includes(operation.id)),
    );
  }

  /** The ids of the memories that the waiting operations of this type are about. */
  subjects(type: Operation["type"]): Set<string> {
    const ids = new Set<string>();
    for (const { operation, error } of this.#entries.values()) {
      if (!error && operation.type === type) ids.add(operation.subject);
    }
    return ids;
  }

  /**
   * The waiting operations of `agentId`. If this agent has none, those of agents that do not push for
   * themselves.
   *
   * @param owners agents that push their own operations.
   * @param freeing returns only operations that free space, which are deletes of memories that the server
   * has.
   */
  oldest(
    agentId: string | null,
    owners: ReadonlyMap<string, number>,
    freeing: boolean,
  ): HeldOperation[] {
    const puts = freeing ? this.subjects("memory.put") : undefined;
    const waiting = [...this.#entries.values()].filter(
      ({ operation: { type, subject }, error }) =>
        !error && (!puts || (type === "memory.delete" && !puts.has(subject))),
    );
    const own = waiting.filter((entry) => agentId !== null && entry.agentId === agentId);
    if (own.length > 0) return own;
    return waiting.filter(
      (entry) =>
        (agentId === null || entry.agentId !== agentId) && !owners.has(entry.agentId ?? ""),
    );
  }
}

/** As many of the first operations as fit into one push. */
export function firstBatch(operations: HeldOperation[]): OutboxEntry[] {
  const batch: OutboxEntry[] = [];
  const subjects = new Set<string>();
  let bytes = 0;
  for (const entry of operations) {
    bytes += entry.bytes;
    const { subject } = entry.operation;
    // Send only one operation for each subject in a push.
    if (batch.length === batchSize || subjects.has(subject)) break;
    if (batch.length > 0 && bytes > batchBytes) break;
    subjects.add(subject);
    batch.push(entry);
  }
  return batch;
}

export const sizeOf = (operation: Envelope) =>
  new TextEncoder().encode(JSON.stringify(operation)).length;
