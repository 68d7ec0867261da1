/** The last known value of a channel (one of LangGraph's named values): the version and the text. */
interface Known {
  version: string | number;
  text: string;
}

/**
 * The texts of the lists that this saver has recently read or written. With them, it can detect what
 * was appended. The number of characters is limited, and the least recently used lists are dropped
 * first.
 */
export class RecentValues {
  readonly #most: number;
  readonly #known = new Map<string, Known>();
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Known | undefined {
    return this.#known.get(key);
  }

  set(key: string, known: Known): void {
    this.#drop(key);
    // Only lists are stored in parts, and an empty list has no parts.
    if (!known.text.startsWith("[") || known.text.length < 3) return;
    this.#known.set(key, known);
    this.#size += known.text.length;
    for (const oldest of this.#known.keys()) {
      if (this.#size <= this.#most) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const known = this.#known.get(key);
    if (!known) return;
    this.#size -= known.text.length;
    this.#known.delete(key);
  }
}
