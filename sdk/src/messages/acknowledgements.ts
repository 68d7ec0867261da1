import type { MayflyError } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { lookAgainMs } from "../link/look-again.ts";
import { Backoff, Pause, passes } from "../link/retry.ts";
import { acknowledged } from "./answers.ts";

/**
 * Acknowledgements are batched over this window. If a message is sent meanwhile, it carries them. So a worker
 * that answers one task after another saves one call for each task.
 */
const gatherMs = 100;
/**
 * While a handler runs, acknowledgements wait longer, because the handler may send a message that carries
 * them.
 */
const holdMs = 150;
const perCall = 1_000;

/** The result of a batch. */
interface Said {
  error: MayflyError | null;
  /** Whether the server cannot see some of the messages yet. Their acknowledgements are then sent again. */
  early: boolean;
}

/**
 * Tells the server which messages of an inbox are handled, one batch at a time. A message that was broadcast
 * can be handled before its row is visible. The server reports such messages, and they are acknowledged
 * again. Otherwise the next reader would get them a second time.
 */
export class Acknowledgements {
  readonly #link: Link;
  readonly #onDone: (seqs: number[]) => void;
  readonly #onError: (error: MayflyError) => void;
  readonly #isHandling: () => boolean;
  #waiting: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #ended = false;
  readonly #pause = new Pause();

  constructor(
    link: Link,
    onDone: (seqs: number[]) => void,
    onError: (error: MayflyError) => void,
    isHandling: () => boolean,
  ) {
    this.#link = link;
    this.#onDone = onDone;
    this.#onError = onError;
    this.#isHandling = isHandling;
  }

  add(seq: number): void {
    this.#waiting.push(seq);
    this.#plan(gatherMs);
  }

  /** Takes the waiting numbers for a call that is made anyway. The caller then passes them to `settle`. */
  take(): number[] {
    return this.#waiting.splice(0, perCall);
  }

  /** @param unseen the numbers that the server cannot see yet; null if the call failed. */
  settle(seqs: number[], unseen: number[] | null): void {
    const early = unseen === null ? seqs : seqs.filter((seq) => unseen.includes(seq));
    this.#waiting.unshift(...early);
    if (early.length > 0) this.#plan(gatherMs);
    this.#onDone(seqs.filter((seq) => !early.includes(seq)));
  }

  /**
   * Sends everything once, and repeats a few times what the server cannot see yet. The next reader
   * gets the rest again.
   */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#pause.end();
    await this.#sending;
    for (let looks = 0; this.#waiting.length > 0; ) {
      const { error, early } = await this.#send();
      const ms = early ? lookAgainMs[looks++] : 0;
      if (error || ms === undefined) return;
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  #plan(ms: number): void {
    if (this.#timer || this.#sending || this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#waiting.length === 0) return;
      if (ms === gatherMs && this.#isHandling()) return this.#plan(holdMs);
      this.#sending = this.#drain().finally(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0) this.#plan(gatherMs);
      });
    }, ms);
  }

  async #drain(): Promise<void> {
    let looks = 0;
    const backoff = new Backoff();
    while (this.#waiting.length > 0 && !this.#ended) {
      const { error, early } = await this.#send();
      if (!error && !early) {
        looks = 0;
        backoff.reset();
        continue;
      }
      if (error) {
        this.#onError(error);
        if (!passes(error)) return;
      }
      const soon = error ? undefined : lookAgainMs[looks++];
      await this.#pause.sleep(soon ?? backoff.next(error ?? undefined) ?? 0);
    }
  }

  async #send(): Promise<Said> {
    const seqs = this.#waiting.splice(0, perCall);
    if (seqs.length === 0) return { error: null, early: false };
    const answer = await this.#link.rpc("acknowledge_messages", { seqs }, acknowledged);
    if (answer.error) {
      if (passes(answer.error)) this.#waiting.unshift(...seqs);
      return { error: answer.error, early: false };
    }
    this.settle(seqs, answer.data.unseen);
    return { error: null, early: answer.data.unseen.length > 0 };
  }
}
