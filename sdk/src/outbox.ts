import { type ErrorBody, MayflyError } from "./errors.ts";
import type { Operation } from "./schemas.ts";
import {
  type OutboxChange,
  type OutboxEntry,
  type OutboxStorage,
  type OutboxStore,
  storageFailed,
  storageOf,
} from "./storage.ts";

/** An operation that the server refused, with its reason. */
export interface DeadLetter {
  operation: Operation;
  /** The agent that queued it; null for a person or the secret key. */
  agentId: string | null;
  error: MayflyError;
}

/** As many operations a push as may carry a vector. */
const batchSize = 100;
/** Well under the 4 MB that a push may have: the function adds a vector to each, 2 KB. */
const batchBytes = 2_000_000;

/**
 * What was learned in a tenant and is not yet acknowledged, in order. It belongs to the tenant: what
 * an agent leaves behind, the next one pushes. One bad operation never blocks the rest.
 */
export class Outbox {
  readonly #storage: () => Promise<OutboxStorage>;
  readonly #tenant: string;
  readonly #entries = new Map<string, OutboxEntry & { bytes: number }>();
  readonly #inFlight = new Set<string>();
  /** Agents of this process that push what is theirs themselves, and how many times it has each. */
  readonly #owners = new Map<string, number>();
  #store: Promise<OutboxStore> | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(tenant: string, storage: () => Promise<OutboxStorage>) {
    this.#tenant = tenant;
    this.#storage = storage;
  }

  /** Opens the storage, once; the calls that follow wait for it. @throws `storage_failed` */
  async open(): Promise<void> {
    this.#store ??= this.#open();
    try {
      await this.#store;
    } catch (error) {
      // Another process may let go of it: tried again with the next call.
      this.#store = undefined;
      throw error instanceof MayflyError
        ? error
        : storageFailed(`The outbox could not be opened: ${String(error)}`, null, error);
    }
  }

  /** Lets go of the storage, unless an agent uses it. What it keeps is there for the next. */
  async close(): Promise<void> {
    if (this.#owners.size > 0) return;
    const store = this.#store;
    this.#store = undefined;
    // Opened again meanwhile, it waits until this is over.
    this.#closing = this.#closing.then(async () => (await store)?.close()).catch(() => {});
    await this.#closing;
  }

  /** An agent that pushes its own, until `leave`. */
  join(agentId: string): void {
    this.#owners.set(agentId, (this.#owners.get(agentId) ?? 0) + 1);
  }

  /** From now on what is left of it is for anybody to push. */
  leave(agentId: string): void {
    const count = (this.#owners.get(agentId) ?? 1) - 1;
    if (count > 0) this.#owners.set(agentId, count);
    else this.#owners.delete(agentId);
  }

  /** How much waits: of one agent, or of all. */
  waiting(agentId?: string): number {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (!entry.error && (agentId === undefined || entry.agentId === agentId)) count++;
    }
    return count;
  }

  get deadLetters(): DeadLetter[] {
    return [...this.#entries.values()].flatMap(({ operation, agentId, error }) =>
      error ? [{ operation, agentId, error: new MayflyError(error) }] : [],
    );
  }

  /** The memories that wait to be put, or to be forgotten. */
  memories(type: Operation["type"]): Set<string> {
    const ids = new Set<string>();
    for (const { operation, error } of this.#entries.values()) {
      if (!error && operation.type === type) ids.add(operation.memory.id);
    }
    return ids;
  }

  /** Takes an operation in. When it has resolved, it is as safe as the storage is. */
  async add(operation: Operation, agentId: string | null): Promise<void> {
    await this.open();
    await this.#write({ put: [{ operation, agentId }] });
  }

  /**
   * The oldest operations that go into one push: of `agentId`, and when it has no more, of those who
   * are gone. They stay until they are settled, and nobody else takes them meanwhile. `freeing`:
   * those alone that make room, of memories that the server has.
   */
  take(agentId: string | null, { freeing = false } = {}): OutboxEntry[] {
    const puts = freeing ? this.memories("memory.put") : undefined;
    const waiting = [...this.#entries.values()].filter(
      ({ operation: { type, memory }, error }) =>
        !error && (!puts || (type === "memory.delete" && !puts.has(memory.id))),
    );
    const own = waiting.filter((entry) => agentId !== null && entry.agentId === agentId);
    const left = waiting.filter(
      (entry) =>
        (agentId === null || entry.agentId !== agentId) && !this.#owners.has(entry.agentId ?? ""),
    );
    const source = own.length > 0 ? own : left;
    // One drainer at a time: a put and what follows it keep their order.
    if (source.some(({ operation }) => this.#inFlight.has(operation.id))) return [];
    const batch: OutboxEntry[] = [];
    const memories = new Set<string>();
    let bytes = 0;
    for (const entry of source) {
      bytes += entry.bytes;
      const memory = entry.operation.memory.id;
      // One push says one thing about one memory.
      if (batch.length === batchSize || memories.has(memory)) break;
      if (batch.length > 0 && bytes > batchBytes) break;
      memories.add(memory);
      batch.push(entry);
    }
    for (const { operation } of batch) this.#inFlight.add(operation.id);
    return batch;
  }

  /** These were not settled: they wait again. */
  release(batch: OutboxEntry[]): void {
    for (const { operation } of batch) this.#inFlight.delete(operation.id);
  }

  /** The server has these: they are out. */
  async acknowledge(batch: OutboxEntry[]): Promise<void> {
    await this.#write({ remove: batch.map(({ operation }) => operation.id) });
    this.release(batch);
  }

  /** The server will never take this one. */
  async bury(entry: OutboxEntry, error: MayflyError): Promise<void> {
    const { operation, agentId } = entry;
    await this.#write({ put: [{ operation, agentId, error: bodyOf(error) }] });
    this.release([entry]);
  }

  /** Gives dead letters another chance: those with these ids of operations, or all. */
  async retry(ids?: string[]): Promise<number> {
    await this.open();
    const dead = this.#dead(ids);
    await this.#write({ put: dead.map(({ operation, agentId }) => ({ operation, agentId })) });
    return dead.length;
  }

  /** Lets go of dead letters: those with these ids of operations, or all. */
  async discard(ids?: string[]): Promise<number> {
    await this.open();
    const dead = this.#dead(ids);
    await this.#write({ remove: dead.map(({ operation }) => operation.id) });
    return dead.length;
  }

  #dead(ids?: string[]): OutboxEntry[] {
    return [...this.#entries.values()].filter(
      ({ operation, error }) => error && (!ids || ids.includes(operation.id)),
    );
  }

  async #open(): Promise<OutboxStore> {
    await this.#closing;
    const store = await (await this.#storage()).open(this.#tenant);
    this.#entries.clear();
    this.#apply({ put: store.entries });
    return store;
  }

  /** On the storage first: what is seen here is as safe as it can be. */
  async #write(change: OutboxChange): Promise<void> {
    await this.open();
    await (await this.#store)?.write(change);
    this.#apply(change);
  }

  #apply({ put = [], remove = [] }: OutboxChange): void {
    for (const id of remove) this.#entries.delete(id);
    for (const entry of put) {
      const bytes = new TextEncoder().encode(JSON.stringify(entry.operation)).length;
      this.#entries.set(entry.operation.id, { ...entry, bytes });
    }
  }
}

/** The outboxes of a Mayfly, one for each tenant. */
export class Outboxes {
  readonly #open = new Map<string, Outbox>();
  readonly #storage: () => Promise<OutboxStorage>;

  constructor(storage?: OutboxStorage | string) {
    let opened: Promise<OutboxStorage> | undefined;
    this.#storage = () => {
      opened ??= storageOf(storage);
      return opened;
    };
  }

  of(tenant: string): Outbox {
    // As the server writes it: an agent and its Mayfly mean the same one.
    const name = tenant.toLowerCase();
    const known = this.#open.get(name);
    if (known) return known;
    const outbox = new Outbox(name, this.#storage);
    this.#open.set(name, outbox);
    return outbox;
  }
}

const bodyOf = ({ code, message, hint, details, requestId }: MayflyError): ErrorBody => ({
  code,
  message,
  hint,
  details,
  ...(requestId && { request_id: requestId }),
});
