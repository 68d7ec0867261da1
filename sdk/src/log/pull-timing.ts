import { lookAgainMs } from "../link/look-again.ts";
import { ticks } from "../link/monotonic-time.ts";
import type { NudgeListener } from "./nudges.ts";

/**
 * The shortest time between nudged pulls. Each transaction sends a nudge, so many writers would cause many
 * pulls.
 */
const nudgeWindowMs = 1_000;
/** The time between pulls if no nudge arrives, in case a broadcast was lost. */
const netMs = 30_000;
/** The time between pulls while broadcasts are known to be lost. */
const losingMs = 1_000;
/** After a nudge, the pulls every `followMs` stop when this many in a row have found nothing. */
const followed = 2;

/**
 * Decides when a reader pulls. A nudge causes a pull as soon as the last pull was a whole window
 * ago, and another pull one window after the nudge. Without nudges it pulls slowly. A nudge can
 * arrive before its row is visible, so a pull that does not find what it was nudged for is repeated
 * a few times.
 */
export class Pace implements NudgeListener {
  /** The time between pulls while nudges do not arrive. */
  pollMs: number;
  /**
   * After a nudge, it pulls at this interval until two pulls in a row find nothing. If this is null, it
   * pulls only at the end of the window.
   */
  followMs: number | null = null;
  readonly #windowMs: number;
  /** How many pulls in a row have found nothing since the last nudge. */
  #empty = followed;
  #joined = false;
  #nudged = false;
  #asked = false;
  #losing = false;
  /** When the window of the last nudge ends. */
  #windowEnd = 0;
  #pulledAt = 0;
  /** Whether the current pull follows a nudge, or looks again for what a nudge announced. */
  #seeks = false;
  /** How many times it has looked again since the last nudge. */
  #looks = 0;
  #againAt = Number.POSITIVE_INFINITY;
  /** Whether the reader has just joined. A row whose broadcast it missed may then still become visible. */
  #settling = false;
  #ended = false;
  #wake: () => void = () => {};

  /** @param windowMs the time between nudged pulls; 0 if each nudge is about something else. */
  constructor(pollMs = 5_000, windowMs = nudgeWindowMs) {
    this.pollMs = pollMs;
    this.#windowMs = windowMs;
  }

  readonly onNudge = () => {
    this.#nudged = true;
    this.#windowEnd = ticks() + this.#windowMs;
    this.#looks = 0;
    this.#empty = 0;
    this.#wake();
  };

  readonly onJoined = (joined: boolean) => {
    this.#joined = joined;
    // A reader with a window needs no extra pull, because it always pulls at the end of the window.
    this.#settling = joined && this.#windowMs === 0;
    this.#wake();
  };

  /** Pulls now, or when the window ends. */
  ask(): void {
    this.#asked = true;
    this.#wake();
  }

  /** Sets whether broadcasts are being lost. If so, it pulls every second. */
  losing(losing: boolean): void {
    this.#losing = losing;
    this.#wake();
  }

  /** Call this when a pull starts. The pull sees everything that nudges have announced until now. */
  pulls(): void {
    this.#seeks = this.#nudged || Number.isFinite(this.#againAt);
    this.#nudged = false;
    this.#asked = false;
    this.#againAt = Number.POSITIVE_INFINITY;
    this.#pulledAt = ticks();
  }

  /**
   * Call this when a pull has ended. `found` says whether it found everything that the nudges announced, as
   * far as the reader can tell.
   */
  pulled(found: boolean, again: readonly number[] = lookAgainMs): void {
    const ms = this.#seeks && !found ? again[this.#looks++] : undefined;
    if (ms === undefined) this.#looks = 0;
    const after = ms ?? (this.#settling ? lookAgainMs.at(-1) : undefined);
    this.#settling = false;
    if (after !== undefined) this.#againAt = ticks() + after;
    if (this.followMs === null || this.#empty >= followed) return;
    this.#empty = found ? 0 : this.#empty + 1;
    if (this.#empty < followed) this.#againAt = Math.min(this.#againAt, ticks() + this.followMs);
  }

  /** Stops waiting. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Ends the current pause. */
  wake(): void {
    this.#wake();
  }

  async untilDue(isOver = () => false): Promise<void> {
    for (let delay = 0; !this.#ended && !isOver(); await this.sleep(delay)) {
      delay = this.#due() - ticks();
      if (delay <= 0) return;
    }
  }

  /** Waits this long, or until a nudge arrives or the connection changes. */
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
    if (this.#nudged || this.#asked)
      return this.#pulledAt + Math.min(this.#windowMs, this.followMs ?? this.#windowMs);
    if (this.#windowEnd > this.#pulledAt) return this.#windowEnd;
    const pause = this.#joined ? netMs : this.pollMs;
    return this.#pulledAt + (this.#losing ? Math.min(losingMs, pause) : pause);
  }
}
