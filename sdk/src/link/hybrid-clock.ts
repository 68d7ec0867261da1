import { claimsOf } from "./claims.ts";
import { machineTime } from "./monotonic-time.ts";

/** The largest number with 4 hexadecimal digits. */
const maxCounter = 0xffff;
/** A token seldom takes longer than this from the server to the SDK. */
const tokenTravelMs = 5_000;

/**
 * A hybrid logical clock that follows the server's time. A timestamp is `milliseconds-counter-node`: Unix
 * time with 13 digits, a counter with 4 hexadecimal digits, and who made it. Because these lengths are fixed,
 * timestamps can be compared as texts. Each timestamp is later than all that the clock made and saw before.
 * See Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks", OPODIS 2014.
 */
export class HybridClock {
  /** How many milliseconds the server is ahead of this machine, as far as its answers show. */
  #offset = 0;
  #last = { ms: 0, counter: 0 };

  #given = 0;
  readonly #machine: () => number;

  /** @param machine the time of this machine, which never goes back. */
  constructor(machine: () => number = machineTime) {
    this.#machine = machine;
  }

  /** This machine's time in milliseconds, for `learn`. */
  get local(): number {
    return this.#machine();
  }

  /** The server's time, in milliseconds. */
  get now(): number {
    return this.#machine() + this.#offset;
  }

  /**
   * The server's time, but never earlier than the last result. So a later event never looks like an earlier
   * one.
   */
  later(): number {
    this.#given = Math.max(this.#given, this.now);
    return this.#given;
  }

  /** @param node 1 to 36 letters, digits, `_` and `-`. */
  next(node: string): string {
    const { ms, counter } = this.#last;
    if (this.now > ms) this.#last = { ms: this.now, counter: 0 };
    else if (counter < maxCounter) this.#last = { ms, counter: counter + 1 };
    else this.#last = { ms: ms + 1, counter: 0 };
    const { ms: time, counter: count } = this.#last;
    return `${String(time).padStart(13, "0")}-${count.toString(16).padStart(4, "0")}-${node}`;
  }

  /** Makes sure that all later timestamps come after this one. */
  readonly observe = (stamp: string): void => {
    const [ms = Number.NaN, counter = Number.NaN] = [
      Number(stamp.slice(0, 13)),
      Number.parseInt(stamp.slice(14, 18), 16),
    ];
    const { ms: ownMs, counter: ownCounter } = this.#last;
    if (ms > ownMs || (ms === ownMs && counter > ownCounter)) this.#last = { ms, counter };
  };

  /**
   * Learns that the server's time was between `earliest` and `latest`, at a moment between `sentAt` and now.
   * If the clock agrees with this, it does not change, because an HTTP date has only whole seconds.
   */
  learn(earliest: number, latest: number, sentAt: number): void {
    if (Number.isNaN(earliest)) return;
    this.#offset = Math.min(Math.max(this.#offset, earliest - this.local), latest - sentAt);
  }

  /** Learns from a token that has just arrived: `iat` is the database's time, in whole seconds. */
  learnFromToken(token: string): void {
    const issuedAt = Number(claimsOf(token).iat) * 1000;
    this.learn(issuedAt, issuedAt + 1000, this.local - tokenTravelMs);
  }

  /**
   * Sets the clock back, because the server found a timestamp of this clock to be ahead of its own time
   * `serverMs`.
   */
  setBack(serverMs: number, sentAt: number): void {
    this.learn(serverMs, serverMs, sentAt);
    this.#last = { ms: Math.min(this.#last.ms, this.now), counter: 0 };
  }
}

/** Whether a timestamp is later than a time in milliseconds. */
export const isAfter = (stamp: string, ms: number) => Number(stamp.slice(0, 13)) > ms;
