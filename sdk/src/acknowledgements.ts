import { count } from "./answer-form.ts";
import { fromDataApi, type MayflyClient } from "./call.ts";
import type { MayflyError } from "./errors.ts";
import { jittered } from "./jitter.ts";
import { firstDelayMs, maxDelayMs, passing } from "./sequence.ts";

/** What is handled within so long is said in one call. */
const gatherMs = 20;
const perCall = 1_000;

/** Tells the server which messages of an inbox are handled, a batch at a time, until it has heard. */
export class Acknowledgements {
  readonly #client: MayflyClient;
  readonly #onDone: (seqs: number[]) => void;
  readonly #onError: (error: MayflyError) => void;
  #waiting: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #ended = false;
  #wake: () => void = () => {};

  constructor(
    client: MayflyClient,
    onDone: (seqs: number[]) => void,
    onError: (error: MayflyError) => void,
  ) {
    this.#client = client;
    this.#onDone = onDone;
    this.#onError = onError;
  }

  add(seq: number): void {
    this.#waiting.push(seq);
    this.#plan(gatherMs);
  }

  /** Sends what waits, once: what is not heard comes again to the next reader. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#wake();
    await this.#sending;
    await this.#send();
  }

  #plan(ms: number): void {
    if (this.#timer || this.#sending || this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#drain().finally(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0) this.#plan(gatherMs);
      });
    }, ms);
  }

  async #drain(): Promise<void> {
    for (let delay = firstDelayMs; this.#waiting.length > 0 && !this.#ended; ) {
      const error = await this.#send();
      if (!error) continue;
      this.#onError(error);
      if (!passing.includes(error.code)) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, jittered(delay));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      delay = Math.min(delay * 2, maxDelayMs);
    }
  }

  async #send(): Promise<MayflyError | null> {
    const seqs = this.#waiting.splice(0, perCall);
    if (seqs.length === 0) return null;
    const { error } = fromDataApi(await this.#client.rpc("acknowledge_messages", { seqs }), count);
    if (error && passing.includes(error.code)) this.#waiting.unshift(...seqs);
    if (!error) this.#onDone(seqs);
    return error;
  }
}
