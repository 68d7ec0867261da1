import { enveloped } from "../contract/envelope.ts";
import { type ErrorBody, MayflyError } from "../contract/errors.ts";
import { storageFailed } from "../contract/invalid.ts";
import type { Operation } from "../contract/operation.ts";
import { HybridClock, isAfter } from "../link/hybrid-clock.ts";
import { type DeadLetter, firstBatch, HeldOperations, sizeOf } from "./held-operations.ts";
import type { OutboxChange, OutboxEntry, OutboxStorage, OutboxStore } from "./storage.ts";

/** How much an outbox of one tenant holds at most, including dead letters. */
export interface OutboxLimits {
  /** 100,000 by default. */
  maxOperations?: number;
  /** Size of the operations as JSON, 100 MB by default. An outbox is also held in memory. */
  maxBytes?: number;
}

/**
 * The operations of a tenant that are not acknowledged yet, in order. The outbox belongs to the tenant: if
 * an agent leaves operations behind, the next agent pushes them. One bad operation never blocks the
 * others.
 */
export class Outbox {
  /**
   * The clock that stamps updates in this outbox. Each timestamp is later than all earlier ones, even
   * those of an earlier process.
   */
  readonly clock = new HybridClock();
  readonly #storage: () => Promise<OutboxStorage>;
  readonly #tenant: string;
  readonly #limits: Required<OutboxLimits>;
  readonly #held = new HeldOperations();
  readonly #inFlight = new Set<string>();
  /** Called when no push is running any more. */
  #onSettled: (() => void)[] = [];
  /** Writes that are on their way to the storage, which must not be closed meanwhile. */
  readonly #writing = new Set<Promise<void>>();
  /** Agents of this process that push their own operations, and how many connections each has. */
  readonly #owners = new Map<string, number>();
  /**
   * Acknowledged operations that the storage had no room to remove. They are removed with the next change.
   */
  readonly #owed = new Set<string>();
  /** Operations on their way to the storage, which count towards the limits too. */
  readonly #adding = { operations: 0, bytes: 0 };
  #store: Promise<OutboxStore> | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(
    tenant: string,
    storage: () => Promise<OutboxStorage>,
    { maxOperations = 100_000, maxBytes = 100_000_000 }: OutboxLimits = {},
  ) {
    this.#tenant = tenant;
    this.#storage = storage;
    this.#limits = { maxOperations, maxBytes };
  }

  /**
   * Opens the storage once. Later calls wait for it.
   *
   * @throws `storage_failed`
   */
  async open(): Promise<OutboxStore> {
    this.#store ??= this.#open();
    try {
      return await this.#store;
    } catch (error) {
      // Another process may have released the storage by then, so the next call tries again.
      this.#store = undefined;
      throw error instanceof MayflyError
        ? error
        : storageFailed(
            `The outbox could not be opened: ${String(error)}`,
            "Check that the option storage names a folder that can be written.",
            error,
          );
    }
  }

  /**
   * Opens the storage. Fails if another process has taken the storage over, because that process now
   * pushes.
   *
   * @throws `storage_failed`
   */
  async assertHeld(): Promise<void> {
    await (await this.open()).assertHeld?.();
  }

  /** Releases the storage, unless an agent uses it. Whoever opens it next finds what it contains. */
  async close(): Promise<void> {
    if (this.#owners.size > 0) return;
    const store = this.#store;
    this.#store = undefined;
    // If the outbox is opened again meanwhile, opening waits until this is done.
    this.#closing = Promise.allSettled([this.#closing, ...this.#writing])
      .then(async () => (await store)?.close())
      .catch(() => {});
    await this.#closing;
  }

  /** Adds an agent that pushes its own operations, until `leave`. */
  join(agentId: string): void {
    this.#owners.set(agentId, (this.#owners.get(agentId) ?? 0) + 1);
  }

  /** From now on, anybody may push what this agent has left. */
  leave(agentId: string): void {
    const count = (this.#owners.get(agentId) ?? 1) - 1;
    if (count > 0) this.#owners.set(agentId, count);
    else this.#owners.delete(agentId);
  }

  /** How many operations of one agent, or of all agents, are waiting. */
  waiting(agentId?: string): number {
    return this.#held.waiting(agentId);
  }

  /** The waiting operations of an agent, in order. */
  operations(agentId: string): Operation[] {
    return this.#held.operations(agentId);
  }

  /** Whether the server refused this operation. */
  refused(operationId: string): boolean {
    return this.#held.isRefused(operationId);
  }

  get deadLetters(): DeadLetter[] {
    return this.#held.deadLetters;
  }

  /** The ids of the memories that the waiting operations of a type are about. */
  subjects(type: Operation["type"]): Set<string> {
    return this.#held.subjects(type);
  }

  /**
   * Adds operations, all or none, with one write. When this resolves, the storage has them.
   *
   * @throws `outbox_full`, `storage_failed`; then nothing has changed.
   */
  async add(given: Operation | Operation[], agentId: string | null): Promise<void> {
    await this.open();
    const operations = [given].flat().map(enveloped);
    const bytes = operations.reduce((sum, operation) => sum + sizeOf(operation), 0);
    const { maxOperations, maxBytes } = this.#limits;
    const held = this.#held;
    const full =
      held.size + this.#adding.operations + operations.length > maxOperations ||
      held.bytes + this.#adding.bytes + bytes > maxBytes;
    if (full) throw outboxFull(held.size, held.bytes);
    this.#adding.operations += operations.length;
    this.#adding.bytes += bytes;
    try {
      await this.#write({ put: operations.map((operation) => ({ operation, agentId })) });
    } finally {
      this.#adding.operations -= operations.length;
      this.#adding.bytes -= bytes;
    }
  }

  /**
   * Gives new timestamps, in order, to those updates of a batch that are ahead of the server's time.
   */
  async restamp(batch: OutboxEntry[]): Promise<OutboxEntry[]> {
    const restamped = batch.map((entry) => {
      const { operation, agentId } = entry;
      const { hlc } = operation.body;
      if (typeof hlc !== "string") return entry;
      if (!isAfter(hlc, this.clock.now)) return entry;
      const body = { ...operation.body, hlc: this.clock.next(hlc.slice(19)) };
      return { operation: { ...operation, body }, agentId };
    });
    await this.#write({ put: restamped.filter((entry) => !batch.includes(entry)) });
    return restamped;
  }

  /**
   * Takes the oldest operations that fit into one push: those of `agentId`, and if it has none, those of
   * agents that have ended. Nobody else takes these operations until they are acknowledged, refused or
   * released. With `freeing`, only operations that free space by removing memories from the server.
   */
  take(agentId: string | null, { freeing = false } = {}): OutboxEntry[] {
    const source = this.#held.oldest(agentId, this.#owners, freeing);
    // Only one caller pushes these operations at a time, so that a put and later operations on the
    // same memory keep their order.
    if (source.some(({ operation }) => this.#inFlight.has(operation.id))) return [];
    const batch = firstBatch(source);
    for (const { operation } of batch) this.#inFlight.add(operation.id);
    return batch;
  }

  /** Releases the operations of a batch. Those that have no result wait again. */
  release(batch: OutboxEntry[]): void {
    for (const { operation } of batch) this.#inFlight.delete(operation.id);
    if (this.#inFlight.size > 0) return;
    for (const settled of this.#onSettled.splice(0)) settled();
  }

  /** Whether a push is running. */
  get isBusy(): boolean {
    return this.#inFlight.size > 0;
  }

  /** Resolves when no push is running. */
  settled(): Promise<void> {
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled.push(resolve);
    });
  }

  /**
   * Removes operations that the server has. It does so even if the storage is full, because nothing else
   * can make room.
   */
  async acknowledge(batch: OutboxEntry[]): Promise<void> {
    const change = { remove: batch.map(({ operation }) => operation.id) };
    try {
      await this.#write(change);
    } catch {
      // After a restart they would be pushed again, and applied only once.
      for (const id of change.remove) this.#owed.add(id);
      this.#held.apply(change);
    }
    this.release(batch);
  }

  /** Makes an operation a dead letter, because the server will never accept it. */
  async bury(entry: OutboxEntry, error: MayflyError): Promise<void> {
    const { operation, agentId } = entry;
    await this.#write({ put: [{ operation, agentId, error: bodyOf(error) }] });
    this.release([entry]);
  }

  /** Retries the dead letters of the operations with these ids, or all dead letters. */
  async retry(ids?: string[]): Promise<number> {
    await this.open();
    const dead = this.#held.dead(ids);
    await this.#write({ put: dead.map(({ operation, agentId }) => ({ operation, agentId })) });
    return dead.length;
  }

  /** Discards the dead letters of the operations with these ids, or all dead letters. */
  async discard(ids?: string[]): Promise<number> {
    await this.open();
    const dead = this.#held.dead(ids);
    await this.#write({ remove: dead.map(({ operation }) => operation.id) });
    return dead.length;
  }

  async #open(): Promise<OutboxStore> {
    await this.#closing;
    const store = await (await this.#storage()).open(this.#tenant);
    this.#held.clear();
    this.#owed.clear();
    const entries = store.entries.map((entry) => ({
      ...entry,
      operation: enveloped(entry.operation),
    }));
    this.#held.apply({ put: entries });
    for (const { operation } of entries) {
      const { hlc } = operation.body;
      if (typeof hlc === "string") this.clock.observe(hlc);
    }
    return store;
  }

  /** Writes to the storage first, so that everything visible here is stored. */
  async #write(change: OutboxChange): Promise<void> {
    const store = await this.open();
    const owed = [...this.#owed];
    const remove = [...owed, ...(change.remove ?? [])];
    const written = store.write(owed.length > 0 ? { ...change, remove } : change);
    this.#writing.add(written);
    await written.finally(() => this.#writing.delete(written));
    for (const id of owed) this.#owed.delete(id);
    this.#held.apply(change);
  }
}

const outboxFull = (operations: number, bytes: number) =>
  new MayflyError({
    code: "outbox_full",
    message: `The outbox is full: ${operations} operations of ${bytes} bytes are not acknowledged.`,
    hint: "Nothing was remembered. Make room with sync or agent.outbox.discard.",
    details: { operations, bytes },
  });

const bodyOf = ({ code, message, hint, details, requestId }: MayflyError): ErrorBody => ({
  code,
  message,
  hint,
  details,
  ...(requestId && { request_id: requestId }),
});
