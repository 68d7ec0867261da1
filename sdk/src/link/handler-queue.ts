/**
 * The pauses, in milliseconds, before a handler that threw is called again. If it also throws after
 * the last pause, the item is given up.
 */
const retryDelaysMs = [250, 1_000];
const restMs = 1_000;
/** The result if the queue ended before the item was handled. */
const notHandled = { error: null };

/** Handles one item after another, in order. Each item is retried before it is given up. */
export class HandlerQueue {
  #tail: Promise<void> = Promise.resolve();
  #size = 0;
  #ended = false;
  #wake: () => void = () => {};

  /** How many items wait or are being handled. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param step called until it succeeds, at most three times. It gets the number of earlier calls.
   * @param done called once, and awaited. It gets the last error, or undefined after a success. It must not
   * throw.
   */
  push(
    step: (before: number) => unknown,
    done: (failure: { error: unknown } | undefined) => unknown,
  ): void {
    this.#size++;
    this.#tail = this.#tail.then(async () => {
      const failure = await this.#insist(step);
      this.#size--;
      this.#wake();
      if (failure !== notHandled) await done(failure);
    });
  }

  /** Waits until fewer than `limit` items are left, or the queue has ended. */
  async below(limit: number): Promise<void> {
    while (this.#size >= limit && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Drops waiting items. The current one continues, and `done` is called when it returns. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /**
   * Waits for the current item, but at most `restMs`, because its handler may itself be waiting for this
   * call.
   */
  async rest(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, restMs);
    });
    await Promise.race([this.#tail, late]);
    clearTimeout(timer);
  }

  async #insist(step: (before: number) => unknown): Promise<{ error: unknown } | undefined> {
    for (let attempt = 0; !this.#ended; attempt++) {
      try {
        await step(attempt);
        return undefined;
      } catch (error) {
        const delay = retryDelaysMs[attempt];
        if (delay === undefined) return { error };
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
    return notHandled;
  }
}
