import { within } from "../link/monotonic-time.ts";
import type { DebugBuffer, Taken } from "./buffer.ts";

/**
 * The result of a batch. `again`: retry it, after this many milliseconds if given. `never`: it is given up.
 */
export type Sent = "arrived" | { again: number | null } | "never";

const maxRecords = 100;
/**
 * A broadcast has at most 256 KB on the Free plan, and so does an append. This limit is lower, because
 * Postgres measures its own form of the JSON, which can be longer.
 */
const maxBytes = 160_000;
const maxDelayMs = 5_000;
const gatherMs = 50;

/** Empties a buffer, one batch at a time and within the rate. Its timers do not keep the process alive. */
export class DebugPump {
  /** Milliseconds between batches. */
  intervalMs: number;
  /**
   * Until this time (`performance.now()`), somebody may still be joining, so batches that have arrived are
   * sent again.
   */
  repeatUntil = 0;
  readonly #buffer: DebugBuffer;
  readonly #send: (batch: Taken) => Promise<Sent>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** How often batches that had arrived were sent again. */
  #repeats = 0;
  /** Whether the timer is for sending again. New records do not wait for it. */
  #repeating = false;
  #stopped = false;

  constructor(buffer: DebugBuffer, intervalMs: number, send: (batch: Taken) => Promise<Sent>) {
    this.#buffer = buffer;
    this.intervalMs = intervalMs;
    this.#send = send;
  }

  /** Call this when there is something to send. */
  wake(): void {
    if (this.#stopped || (this.#timer && !this.#repeating) || this.#running) return;
    // Records that are made together are sent together, within the rate.
    const wait = this.#lastAt + this.intervalMs - performance.now();
    this.#plan(Math.max(wait, Math.min(this.intervalMs, gatherMs)));
  }

  /** Call this when records that could not be sent before can be sent now. */
  hurry(): void {
    if (!this.#stopped && !this.#running && this.#buffer.size > 0) this.#plan(0);
  }

  /** Sends waiting records now, as many as it can within this time. */
  async flush(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.repeatUntil = 0;
    let over: ReturnType<typeof setTimeout> | undefined;
    const end = new Promise<false>((resolve) => {
      over = setTimeout(() => resolve(false), timeoutMs);
    });
    while (this.#buffer.size > 0 && !this.#stopped) {
      const before = this.#buffer.size;
      const went = (this.#running ?? this.#step()).then(() => true);
      if (!(await Promise.race([went, end])) || this.#buffer.size >= before) break;
    }
    clearTimeout(over);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #plan(ms: number, repeating = false): void {
    clearTimeout(this.#timer);
    this.#repeating = repeating;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#step();
    }, within(ms));
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #step(): Promise<void> {
    this.#running ??= this.#sendOne().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #sendOne(): Promise<void> {
    const batch = this.#buffer.peek(maxRecords, maxBytes);
    if (!batch) return;
    this.#lastAt = performance.now();
    const sent = await this.#send(batch).catch((): Sent => ({ again: null }));
    const left = this.repeatUntil - performance.now();
    if (sent === "arrived" && left > 0 && !this.#stopped) {
      // A listener ignores what it already has.
      this.#plan(Math.min(this.intervalMs * 2 ** this.#repeats++, left), true);
      return;
    }
    if (sent === "arrived" || sent === "never") {
      this.#failures = 0;
      this.#buffer.done(batch, sent === "arrived");
      if (this.#buffer.size > 0 && !this.#stopped)
        this.#plan(Math.max(0, this.#lastAt + this.intervalMs - performance.now()));
      return;
    }
    const delay = sent.again ?? Math.min(this.intervalMs * 2 ** ++this.#failures, maxDelayMs);
    if (!this.#stopped) this.#plan(delay);
  }
}
