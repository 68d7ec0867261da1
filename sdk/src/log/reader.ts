import type { MayflyError } from "../contract/errors.ts";
import type { LogEvent } from "../contract/log.ts";
import type { Reader } from "../link/attendance.ts";
import { lookAgainMs } from "../link/look-again.ts";

import type { NudgeListener } from "./nudges.ts";
import type { Pace } from "./pull-timing.ts";

/**
 * When to look again if one more look is enough. No measured broadcast was more than 69 ms ahead of
 * its row: see `lookAgainMs`.
 */
const lookOnceMs = 150;

/**
 * Passes on to `Pace` what makes a watch pull: nudges, and the newest numbers that `Attendance`
 * learns.
 */
export class LogReader implements NudgeListener, Reader {
  readonly source = { of: "log" } as const;
  readonly #pace: Pace;
  readonly #onLoss: (error: MayflyError) => void;
  #at = 0;
  /** The newest number that the server has announced. */
  #expected = 0;
  #covers = 0;
  #heard = 0;
  #joinedAt: number | undefined;

  /** @param onLoss called once whenever broadcasts begin to be lost. */
  constructor(pace: Pace, onLoss: (error: MayflyError) => void) {
    this.#pace = pace;
    this.#onLoss = onLoss;
  }

  get at(): number {
    return this.#at;
  }
  get heard(): number {
    return this.#heard;
  }
  get joinedAt(): number | undefined {
    return this.#joinedAt;
  }

  readonly onNudge = () => {
    this.#heard++;
    this.#pace.onNudge();
  };

  readonly onJoined = (joined: boolean) => {
    this.#joinedAt = joined ? performance.now() : undefined;
    this.#pace.onJoined(joined);
  };

  pull(upTo: number): void {
    this.#expected = Math.max(this.#expected, upTo);
    this.#pace.ask();
  }

  losing(error: MayflyError | null): void {
    this.#pace.losing(error !== null);
    if (error) this.#onLoss(error);
  }

  /** Call this when a pull starts. The pull sees everything that the server has announced. */
  pulls(): void {
    this.#covers = this.#expected;
    this.#pace.pulls();
  }

  /**
   * Call this when a pull has ended with this page. `all`: whether it asked for every kind of
   * event.
   */
  pulled({ events, more }: { events: LogEvent[]; more: boolean }, all: boolean): void {
    for (const event of events) this.#at = Math.max(this.#at, numberOf(event));
    // Events up to this number that are not in the page are not meant for this reader.
    if (!more) this.#at = Math.max(this.#at, this.#covers);
    // The nudge may have been about a kind that was not asked for.
    this.#pace.pulled(events.length > 0 || more, all ? lookAgainMs : [lookOnceMs]);
  }
}

/** The number of an event. The log is not ordered by it, so only this code uses it. */
const numberOf = (event: LogEvent) => Number((event as { id?: unknown }).id) || 0;
