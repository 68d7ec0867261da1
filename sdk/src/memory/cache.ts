import type { PushResult } from "../contract/log.ts";
import type { Operation } from "../contract/operation.ts";
import { asUpdate, settledBy, withFields } from "./apply-changes.ts";
import type { Embedder } from "./embedder.ts";
import type { Memory, Put, Update } from "./memory.ts";

export interface CacheLimits {
  /** How many memories to hold: 5,000 by default. */
  maxMemories?: number;
  /** How many bytes of text in UTF-16 to hold: 32 MB by default. Indexes and vectors are extra. */
  maxBytes?: number;
}

/** How much an agent caches of what it pulled, and how it searches there. */
export interface CacheOptions extends CacheLimits {
  /**
   * Lets `recallLocal` also find by meaning. Vectors of its model are pulled from the server. Missing
   * vectors are made by this embedder.
   */
  embedder?: Embedder;
}

/** A full cache is emptied down to this share of its limit, so that it need not sort for every new memory. */
const headroom = 0.95;

interface Held {
  /** The server's version, as far as it is known here. */
  server: Memory;
  /** The version that is shown. It includes updates that the server has not merged yet. */
  memory: Memory;
  bytes: number;
  round: number;
}

/**
 * The memories that an agent holds: what it remembered and pulled, with its own changes applied at
 * once. When it is full, it drops the least important memories, and among equally important ones
 * the oldest. It also holds the cursor of the last pull.
 */
export class MemoryCache {
  /** Where the next pull starts. Null before the first pull. */
  cursor: string | null = null;
  /** Whether a first sync is running. Its pages have existing memories instead of the log. */
  inSnapshot = false;
  /** Called with every memory that is added, changed or removed. */
  onPut: (memory: Memory) => void = () => {};
  onRemove: (id: string) => void = () => {};

  readonly #maxMemories: number;
  readonly #maxBytes: number;
  readonly #held = new Map<string, Held>();
  /** Updates that the server has not merged, by the id of the memory. The memory itself may not be held. */
  readonly #updates = new Map<string, Update[]>();
  /** For each of the agent's own new memories that waits for the server: what it replaced here. */
  readonly #replaced = new Map<string, Memory | undefined>();
  /** Memories to forget, until the server has forgotten them. */
  readonly #forgotten = new Map<string, Memory>();
  /**
   * For each id of a memory that was not stored, because another memory had its content or key: the
   * id of that other memory.
   */
  readonly #names = new Map<string, string>();
  #bytes = 0;
  /**
   * Counts the syncs that read everything again. A memory that such a sync does not show has been
   * forgotten.
   */
  #round = 0;

  constructor({ maxMemories = 5_000, maxBytes = 32_000_000 }: CacheLimits = {}) {
    this.#maxMemories = maxMemories;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#held.size;
  }
  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Memory | undefined {
    return this.#held.get(id)?.memory;
  }

  /** The id under which a memory is stored. It may have been put under another id. */
  idOf(name: string): string {
    return this.#names.get(name) ?? name;
  }

  /** Finds the memory with a key: a memory of the tenant, or a private one of the agent `privateTo`. */
  withKey(key: string, privateTo: string | null): Memory | undefined {
    for (const { memory } of this.#held.values()) {
      const owner = memory.visibility === "agent" ? memory.agentId : null;
      if (memory.key === key && owner === privateTo) return memory;
    }
    return undefined;
  }

  memories(): Memory[] {
    return [...this.#held.values()].map(({ memory }) => memory);
  }

  /** Takes a memory from the server. An older version never replaces a newer one. */
  put(server: Memory): void {
    const known = this.#held.get(server.id);
    if (known && known.server.version > server.version) {
      known.round = this.#round;
      return;
    }
    this.#show(server);
    if (this.#held.size > this.#maxMemories || this.#bytes > this.#maxBytes) this.#evict();
  }

  /** Shows the agent's own new memory at once, while it waits for the server. */
  add(memory: Memory): void {
    const { id } = memory;
    if (!this.#replaced.has(id)) this.#replaced.set(id, this.#held.get(id)?.server);
    this.put(memory);
  }

  /** Shows the effect of the agent's own update or forget at once, while it waits for the server. */
  expect(operation: Operation): void {
    const { subject: id } = operation;
    const held = this.#held.get(id);
    if (operation.type === "memory.update") {
      this.#updates.set(id, [...(this.#updates.get(id) ?? []), operation]);
      if (held) this.#show(held.server);
    } else if (operation.type === "memory.delete" && held) {
      this.remove(id);
      this.#forgotten.set(id, held.server);
    }
  }

  /**
   * Takes the server's result for an operation that is already shown here. If the server refused the
   * operation, the result is null, and the effect is undone.
   */
  settle(operation: Operation, result: PushResult | null): void {
    const { subject: id } = operation;
    if (operation.type === "memory.delete") {
      const forgotten = this.#forgotten.get(id);
      this.#forgotten.delete(id);
      if (forgotten && !result) this.put(forgotten);
    } else if (operation.type === "memory.put") {
      const replaced = this.#replaced.get(id);
      this.#replaced.delete(id);
      if (result) this.#stored(operation, result, replaced);
      else {
        this.remove(id);
        if (replaced) this.put(replaced);
      }
    } else if (operation.type === "memory.update") {
      const left = (this.#updates.get(id) ?? []).filter((other) => other.id !== operation.id);
      if (left.length > 0) this.#updates.set(id, left);
      else this.#updates.delete(id);
      const server = this.#held.get(id)?.server;
      if (server) this.#show(result ? settledBy(server, operation.body.set, result) : server);
    }
  }

  /**
   * Takes the result of the agent's own put. The server may have kept another memory with the same content,
   * or changed the memory with the same key.
   */
  #stored(operation: Put, { kept, fields, version }: PushResult, replaced?: Memory): void {
    const { subject: id } = operation;
    const held = this.#held.get(id)?.server;
    if (kept && kept !== id) {
      this.#names.set(id, kept);
      this.remove(id);
      // This version has only what is known here, so any version of the server replaces it.
      if (held && !this.#held.has(kept)) this.put({ ...held, id: kept, version: 0 });
    } else if (fields && version && held) {
      const { set } = asUpdate(operation).body;
      const result = { id, status: "applied" as const, fields, version };
      const isWhole = Object.values(fields).every((it) => it === "applied" || it === "unchanged");
      if (replaced) this.#show(settledBy(replaced, set, result));
      else if (!isWhole) this.remove(id);
    }
  }

  remove(id: string): void {
    this.#forgotten.delete(id);
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    this.#bytes -= held.bytes;
    this.onRemove(id);
  }

  /** Call this when a sync begins that reads everything again. */
  startOver(): void {
    this.cursor = null;
    this.inSnapshot = false;
    this.#round++;
  }

  /**
   * Call this when the sync has shown everything. Removes everything that it did not show, except `kept`.
   */
  endSnapshot(kept: ReadonlySet<string>): void {
    this.inSnapshot = false;
    for (const [id, { round }] of this.#held) {
      if (round < this.#round && !kept.has(id)) this.remove(id);
    }
  }

  #show(server: Memory): void {
    const { id } = server;
    const known = this.#held.get(id);
    const updates = this.#updates.get(id) ?? [];
    const memory = updates.reduce((shown, update) => withFields(shown, update.body.set), server);
    const bytes = sizeOf(memory);
    this.#bytes += bytes - (known?.bytes ?? 0);
    this.#held.set(id, { server, memory, bytes, round: this.#round });
    // The agent's own memory is not indexed again when it comes back from the server.
    if (!known || !isSame(known.memory, memory)) this.onPut(memory);
  }

  #evict(): void {
    const order = [...this.#held.values()].sort(
      ({ memory: a }, { memory: b }) =>
        a.importance - b.importance || a.createdAt.getTime() - b.createdAt.getTime(),
    );
    for (const { memory } of order) {
      const roomy =
        this.#held.size <= this.#maxMemories * headroom && this.#bytes <= this.#maxBytes * headroom;
      if (roomy) return;
      this.remove(memory.id);
    }
  }
}

/** Whether two versions of a memory have the same text. Then the index is still right. */
const isSame = (one: Memory, other: Memory) =>
  one.task === other.task &&
  one.input === other.input &&
  one.output === other.output &&
  one.critique === other.critique &&
  one.tags.join("\0") === other.tags.join("\0");

const sizeOf = (memory: Memory) => 2 * JSON.stringify(memory).length;
