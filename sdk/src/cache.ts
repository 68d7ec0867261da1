import type { Embedder } from "./embedder.ts";
import type { Memory } from "./memory.ts";

export interface CacheLimits {
  /** Memories, 5,000 by default. */
  maxMemories?: number;
  /** Bytes of text as UTF-16 has it, 32 MB by default; indexes and vectors come on top. */
  maxBytes?: number;
}

export interface CacheOptions extends CacheLimits {
  /** Makes `recallLocal` find by meaning too: vectors of its model are pulled, and the rest made here. */
  embedder?: Embedder;
}

/** Evicting makes so much room at once, so that it does not sort with every memory. */
const headroom = 0.95;

/**
 * The memories that an agent holds itself: what it remembered and what it pulled. When it is full,
 * the least important go, of these the oldest. Beside them stands the cursor of what was pulled.
 */
export class MemoryCache {
  /** Where the next pull starts; null for the first. */
  cursor: string | null = null;
  /** Whether a first sync is under way: its pages have the memories that there are, not the log. */
  inSnapshot = false;
  /** Called with every memory that comes anew or changed, and that leaves. */
  onPut: (memory: Memory) => void = () => {};
  onRemove: (id: string) => void = () => {};

  readonly #maxMemories: number;
  readonly #maxBytes: number;
  readonly #held = new Map<string, { memory: Memory; bytes: number; round: number }>();
  #bytes = 0;
  /** Counts first syncs: what a second one does not show again has gone meanwhile. */
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

  memories(): Memory[] {
    return [...this.#held.values()].map(({ memory }) => memory);
  }

  /** An older version never replaces a newer one. */
  put(memory: Memory): void {
    const known = this.#held.get(memory.id);
    if (known && known.memory.version > memory.version) {
      known.round = this.#round;
      return;
    }
    const bytes = sizeOf(memory);
    this.#bytes += bytes - (known?.bytes ?? 0);
    this.#held.set(memory.id, { memory, bytes, round: this.#round });
    // The own coming back from the server is not indexed again.
    if (known?.memory.version !== memory.version) this.onPut(memory);
    if (this.#held.size > this.#maxMemories || this.#bytes > this.#maxBytes) this.#evict();
  }

  remove(id: string): void {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    this.#bytes -= held.bytes;
    this.onRemove(id);
  }

  /** A sync from the start begins. */
  startOver(): void {
    this.cursor = null;
    this.inSnapshot = false;
    this.#round++;
  }

  /** It has shown all there is: what it did not show is gone, but for `kept`. */
  endSnapshot(kept: ReadonlySet<string>): void {
    this.inSnapshot = false;
    for (const [id, { round }] of this.#held) {
      if (round < this.#round && !kept.has(id)) this.remove(id);
    }
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

const sizeOf = (memory: Memory) => 2 * JSON.stringify(memory).length;
