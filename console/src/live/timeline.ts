import { Version } from "./frame.ts";

/** Something that happened at an instant. */
export interface Instant {
  /** Identifies the item. An item that is added twice is kept once. */
  key: string;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * The newest `most` items, in the order of time. Each item is inserted according to its time, so
 * items may arrive late or in another order.
 */
export class Timeline<T extends Instant> {
  readonly version = new Version();
  readonly #most: number;
  readonly #keys = new Set<string>();
  #items: T[] = [];
  /** How many items were dropped because there were too many. */
  dropped = 0;
  #completeSince = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** The items in the order of time. Read `version.value` to be redrawn after changes. */
  get items(): readonly T[] {
    return this.#items;
  }

  /**
   * Since when every item is known, in milliseconds since 1970. Whoever adds the items sets it. Dropped items
   * are not known.
   */
  get completeSince(): number {
    return Math.max(this.#completeSince, this.dropped > 0 ? (this.#items[0]?.at ?? 0) : 0);
  }

  set completeSince(at: number) {
    this.#completeSince = at;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(more: readonly T[]): T[] {
    const fresh = more.filter(({ key }) => !this.#keys.has(key));
    for (const item of fresh) {
      this.#keys.add(item.key);
      this.#items.splice(this.#place(item.at), 0, item);
    }
    const over = this.#items.length - this.#most;
    // Drops a tenth at a time, because moving the array for each event would cost more than
    // everything else.
    if (over > this.#most / 10) {
      for (const { key } of this.#items.splice(0, over)) this.#keys.delete(key);
      this.dropped += over;
    }
    if (fresh.length > 0) this.version.changed();
    return fresh;
  }

  clear(): void {
    this.#items = [];
    this.#keys.clear();
    this.version.changed();
  }

  /** The index of the first item at or after an instant. */
  from(at: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The index at which to insert an item of this instant: after all other items of the instant.
   * Searches from the end, where nearly all items belong.
   */
  #place(at: number): number {
    let place = this.#items.length;
    while (place > 0 && (this.#items[place - 1]?.at ?? 0) > at) place--;
    return place;
  }
}
