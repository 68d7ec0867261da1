/** Does something once for all calls within a time. */
export class Soon {
  readonly #pauseMs: number;
  readonly #act: () => unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pauseMs: number, act: () => unknown) {
    this.#pauseMs = pauseMs;
    this.#act = act;
  }

  /** Acts when the time since the first call is over. */
  call(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#act();
    }, this.#pauseMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
