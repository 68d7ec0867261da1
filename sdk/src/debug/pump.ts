import { within } from "../link/ticks.ts";
import type { DebugBuffer, Taken } from "./buffer.ts";

/** The result of a batch: it arrived, is retried (after this many ms, if given), or is given up. */
export type Sent = "arrived" | { again: number | null } | "never";

const maxRecords = 100;
/** A broadcast has at most 256 KB on the Free plan, and an append 256 KB as Postgres writes it. */
const maxBytes = 160_000;
const maxDelayMs = 5_000;

/** Empties a buffer batch by batch, one at a time and within the rate. It keeps no process alive. */
export class DebugPump {
  /** Milliseconds between batches. */
  intervalMs: number;
  /** Not before this time (`performance.now()`), except for a flush. */
  notBefore = 0;
  readonly #buffer: DebugBuffer;
  readonly #send: (batch: Taken) => Promise<Sent>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #stopped = false;

  constructor(buffer: DebugBuffer, intervalMs: number, send: (batch: Taken) => Promise<Sent>) {
    this.#buffer = buffer;
    this.intervalMs = intervalMs;
    this.#send = send;
  }

  /** There is something to send. */
  wake(): void {
    if (this.#stopped || this.#timer || this.#running) return;
    // Records that are made together are sent together, within the rate.
    const wait = this.#lastAt + this.intervalMs - performance.now();
    const held = this.notBefore - performance.now();
    this.#plan(Math.max(wait, held, Math.min(this.intervalMs, 50)));
  }

  /** Sends waiting records now, as many as it can within this time. */
  async flush(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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

  #plan(ms: number): void {
    clearTimeout(this.#timer);
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
