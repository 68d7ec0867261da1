import { Version } from "./frame.ts";

/** Something that happened at an instant. */
export interface Instant {
  /** What tells it apart: what is added twice is kept once. */
  key: string;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * What happened, in the order of time, the newest `most` of it. Sources that come a little late or in
 * another order find their place: each is inserted where its time says.
 */
export class Timeline<T extends Instant> {
  readonly version = new Version();
  readonly #most: number;
  readonly #keys = new Set<string>();
  #items: T[] = [];
  /** How many were let go, since there were too many. */
  dropped = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** In the order of time. Read `version.value` to be told of changes. */
  get items(): readonly T[] {
    return this.#items;
  }

  add(more: readonly T[]): T[] {
    const fresh = more.filter(({ key }) => !this.#keys.has(key));
    for (const item of fresh) {
      this.#keys.add(item.key);
      this.#items.splice(this.#place(item.at), 0, item);
    }
    const over = this.#items.length - this.#most;
    // A tenth at a time: to move the array for each event would cost more than all the rest.
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

  /** The index of the first at or behind an instant. */
  from(at: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Behind everything of this instant; from the end, where nearly all belong. */
  #place(at: number): number {
    let place = this.#items.length;
    while (place > 0 && (this.#items[place - 1]?.at ?? 0) > at) place--;
    return place;
  }
}
