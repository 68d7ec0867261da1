import type { MayflyError } from "../contract/errors.ts";
import type { LogEvent } from "../contract/log.ts";
import type { Reader } from "../link/attendance.ts";
import { lookAgainMs } from "../link/look-again.ts";

import type { NudgeListener } from "./nudges.ts";
import type { Pace } from "./pace.ts";

/** A broadcast was at most 69 ms ahead of its row: see `lookAgainMs`. */
const lookOnceMs = 150;

/** A watch, as its nudges and its client's attendance see it. */
export class LogReader implements NudgeListener, Reader {
  readonly source = { of: "log" } as const;
  readonly #pace: Pace;
  readonly #onLoss: (error: MayflyError) => void;
  #at = 0;
  /** The server's number before the current or the next pull. */
  #expected = 0;
  #covers = 0;
  #heard = 0;
  #joinedAt: number | undefined;

  /** @param onLoss called once when broadcasts are lost, until they arrive again. */
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

  /** A pull starts. It sees everything that the server had announced. */
  pulls(): void {
    this.#covers = this.#expected;
    this.#pace.pulls();
  }

  /** A pull has ended with this page. `all`: of every kind of event. */
  pulled({ events, more }: { events: LogEvent[]; more: boolean }, all: boolean): void {
    for (const event of events) this.#at = Math.max(this.#at, numberOf(event));
    // Some of it may be for others.
    if (!more) this.#at = Math.max(this.#at, this.#covers);
    // The nudge may have been about a kind that was not asked for.
    this.#pace.pulled(events.length > 0 || more, all ? lookAgainMs : [lookOnceMs]);
  }
}

/** Its number, which only this code needs, because the log is not in its order. */
const numberOf = (event: LogEvent) => Number((event as { id?: unknown }).id) || 0;
