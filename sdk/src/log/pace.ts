import { lookAgainMs } from "../link/look-again.ts";
import { ticks } from "../link/ticks.ts";
import type { NudgeListener } from "./nudges.ts";

/** Pulls by nudges are so far apart, however many writers there are: each sends one a transaction. */
const nudgeWindowMs = 1_000;
/** A pull although no nudge came: nothing depends on a broadcast having arrived. */
const netMs = 30_000;
/** While broadcasts are known to be lost. */
const losingMs = 1_000;

/**
 * When a reader pulls: at once at a nudge, and once more when the window of the last nudge ends, for
 * what came in it; not twice within a window; slowly without nudges. A nudge can arrive before its row is
 * visible: a pull that does not find what it was nudged for is made again soon, a few times.
 */
export class Pace implements NudgeListener {
  /** Between pulls while nudges do not come. */
  pollMs: number;
  readonly #windowMs: number;
  #joined = false;
  #nudged = false;
  #asked = false;
  #losing = false;
  /** When the window of the last nudge ends. */
  #windowEnd = 0;
  #pulledAt = 0;
  /** Whether the pull under way was nudged, or looks again for what was. */
  #seeks = false;
  /** How often it was looked for again. */
  #looks = 0;
  #againAt = Number.POSITIVE_INFINITY;
  /** Just joined: a commit whose broadcast came before may still become visible. */
  #settling = false;
  #ended = false;
  #wake: () => void = () => {};

  /** @param windowMs how far nudged pulls are apart; 0 where each nudge is about something of its own. */
  constructor(pollMs = 5_000, windowMs = nudgeWindowMs) {
    this.pollMs = pollMs;
    this.#windowMs = windowMs;
  }

  readonly onNudge = () => {
    this.#nudged = true;
    this.#windowEnd = ticks() + this.#windowMs;
    this.#looks = 0;
    this.#wake();
  };

  readonly onJoined = (joined: boolean) => {
    this.#joined = joined;
    // A reader with a window pulls at its end in any case.
    this.#settling = joined && this.#windowMs === 0;
    this.#wake();
  };

  /** Pulls now, or when the window ends. */
  ask(): void {
    this.#asked = true;
    this.#wake();
  }

  /** Whether broadcasts are lost at the moment: then it pulls each second. */
  losing(losing: boolean): void {
    this.#losing = losing;
    this.#wake();
  }

  /** A pull begins: it sees everything that was nudged until now. */
  pulls(): void {
    this.#seeks = this.#nudged || Number.isFinite(this.#againAt);
    this.#nudged = false;
    this.#asked = false;
    this.#againAt = Number.POSITIVE_INFINITY;
    this.#pulledAt = ticks();
  }

  /** A pull has ended; `found`: all that it was nudged for, as far as the reader can tell. */
  pulled(found: boolean, again: readonly number[] = lookAgainMs): void {
    const ms = this.#seeks && !found ? again[this.#looks++] : undefined;
    if (ms === undefined) this.#looks = 0;
    const after = ms ?? (this.#settling ? lookAgainMs.at(-1) : undefined);
    this.#settling = false;
    if (after !== undefined) this.#againAt = ticks() + after;
  }

  /** Waits no more. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Ends the pause that is under way. */
  wake(): void {
    this.#wake();
  }

  async untilDue(isOver = () => false): Promise<void> {
    for (let delay = 0; !this.#ended && !isOver(); await this.sleep(delay)) {
      delay = this.#due() - ticks();
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
    return Math.min(this.#againAt, this.#regular());
  }

  #regular(): number {
    if (this.#nudged || this.#asked) return this.#pulledAt + this.#windowMs;
    if (this.#windowEnd > this.#pulledAt) return this.#windowEnd;
    const pause = this.#joined ? netMs : this.pollMs;
    return this.#pulledAt + (this.#losing ? Math.min(losingMs, pause) : pause);
  }
}
