import type { NudgeListener } from "./nudges.ts";

/** Pulls by nudges are so far apart, however many writers there are: each sends one a transaction. */
const nudgeWindowMs = 1_000;
/** A pull although no nudge came: nothing depends on a broadcast having arrived. */
const netMs = 30_000;

/**
 * When a reader of the log pulls: at once at a nudge, and once more when the window of the last nudge
 * ends, for what came in it; not twice within a window; slowly without nudges.
 */
export class Pace implements NudgeListener {
  readonly #pollMs: number;
  readonly #windowMs: number;
  #joined = false;
  #nudged = false;
  /** When the window of the last nudge ends. */
  #windowEnd = 0;
  #pulledAt = 0;
  #ended = false;
  #wake: () => void = () => {};

  /** @param windowMs how far nudged pulls are apart; 0 where each nudge is about something of its own. */
  constructor(pollMs: number, windowMs = nudgeWindowMs) {
    this.#pollMs = pollMs;
    this.#windowMs = windowMs;
  }

  readonly onNudge = () => {
    this.#nudged = true;
    this.#windowEnd = Date.now() + this.#windowMs;
    this.#wake();
  };

  readonly onJoined = (joined: boolean) => {
    this.#joined = joined;
    this.#wake();
  };

  /** A pull begins: it sees everything that was nudged until now. */
  pulls(): void {
    this.#nudged = false;
    this.#pulledAt = Date.now();
  }

  /** Waits no more. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async untilDue(): Promise<void> {
    for (let delay = 0; !this.#ended; await this.sleep(delay)) {
      delay = this.#due() - Date.now();
      if (delay <= 0) return;
    }
  }

  /** So long, or until a nudge comes or the connection changes. */
  async sleep(ms: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  #due(): number {
    if (this.#nudged) return this.#pulledAt + this.#windowMs;
    if (this.#windowEnd > this.#pulledAt) return this.#windowEnd;
    return this.#pulledAt + (this.#joined ? netMs : this.#pollMs);
  }
}
