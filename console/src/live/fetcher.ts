/** Fetches things by their ids. One call fetches everything that is requested within a short moment. */
export class Fetcher {
  readonly #ask: (ids: string[]) => Promise<void>;
  readonly #waiting = new Set<string>();
  readonly #most: number;
  #running = false;
  #ended = false;

  constructor(ask: (ids: string[]) => Promise<void>, most = 100) {
    this.#ask = ask;
    this.#most = most;
  }

  want(ids: Iterable<string>): void {
    for (const id of ids) this.#waiting.add(id);
    if (!this.#running && this.#waiting.size > 0) void this.#run();
  }

  end(): void {
    this.#ended = true;
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Waits for a moment before the call, so that the call also has the other ids from the same page
    // of the log.
    await Promise.resolve();
    while (this.#waiting.size > 0 && !this.#ended) {
      const some = [...this.#waiting].slice(0, this.#most);
      for (const id of some) this.#waiting.delete(id);
      await this.#ask(some);
    }
    this.#running = false;
  }
}
