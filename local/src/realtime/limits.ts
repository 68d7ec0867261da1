/** What the server allows and how long it waits. */
export interface RealtimeLimits {
  connections: number;
  channelsPerConnection: number;
  /** Messages sent and received, of the whole project. */
  messagesPerSecond: number;
  /** Connections and joins, of the whole project. */
  joinsPerSecond: number;
  /** Tracks, and diffs per receiver, of the whole project. */
  presencePerSecond: number;
  /** Presence calls of one channel of one client in `presenceWindowMs`. */
  presenceCalls: number;
  presenceWindowMs: number;
  /** 1 KB is 1,000 bytes here, and 500 bytes are on top. */
  payloadKb: number;
  /** Public channels are refused. */
  privateOnly: boolean;
  /** Everything is refused. */
  suspended: boolean;
  /** How long a refused join waits for its answer, and its socket for everything else. */
  joinErrorBackoffMs: number;
  /** How long a refused connection waits for its answer. */
  connectErrorBackoffMs: number;
  /** A socket that sends nothing this long is closed. */
  idleTimeoutMs: number;
  replicationReadyTimeoutMs: number;
  /** A socket whose unsent or unhandled frames exceed this is closed. */
  bufferedBytes: number;
  frameBytes: number;
  /** Rates are the average of the last `rateTicks` ticks of `rateTickMs`. */
  rateTickMs: number;
  rateTicks: number;
}

/** The Free plan's, and the server's own for what plans do not set. */
export const freePlan: RealtimeLimits = {
  connections: 200,
  channelsPerConnection: 100,
  messagesPerSecond: 100,
  joinsPerSecond: 100,
  presencePerSecond: 20,
  presenceCalls: 5,
  presenceWindowMs: 30_000,
  payloadKb: 256,
  privateOnly: false,
  suspended: false,
  joinErrorBackoffMs: 5_000,
  connectErrorBackoffMs: 2_000,
  idleTimeoutMs: 60_000,
  replicationReadyTimeoutMs: 30_000,
  bufferedBytes: 16_000_000,
  frameBytes: 5_000_000,
  rateTickMs: 1_000,
  rateTicks: 60,
};

/**
 * Counts events and averages them over the last ticks, as the server does: only finished ticks
 * count, so a burst shows at the next tick, and the longer it was quiet the more a burst may hold.
 */
export class RateCounter {
  readonly #limit: number;
  readonly #tickMs: number;
  readonly #maxTicks: number;
  #ticks: number[] = [0];
  #current = 0;
  #tickStart = Date.now();

  constructor(limit: number, { rateTickMs, rateTicks }: RealtimeLimits) {
    this.#limit = limit;
    this.#tickMs = rateTickMs;
    this.#maxTicks = rateTicks;
  }

  add(count = 1): void {
    this.#advance();
    this.#current += count;
  }

  get average(): number {
    this.#advance();
    return this.#ticks.reduce((sum, count) => sum + count, 0) / this.#ticks.length;
  }

  /** At or over the limit. */
  get reached(): boolean {
    return this.average >= this.#limit;
  }

  get limit(): number {
    return this.#limit;
  }

  #advance(): void {
    const passed = Math.floor((Date.now() - this.#tickStart) / this.#tickMs);
    if (passed <= 0) return;
    this.#tickStart += passed * this.#tickMs;
    this.#ticks.push(this.#current);
    for (let i = 1; i < Math.min(passed, this.#maxTicks); i++) this.#ticks.push(0);
    this.#ticks = this.#ticks.slice(-this.#maxTicks);
    this.#current = 0;
    // Ten quiet minutes and the server forgets the counter: a burst counts against one tick again.
    if (passed * this.#tickMs >= 600_000) this.#ticks = [0];
  }
}

/** The counters that every socket of a project shares. */
export interface Rates {
  messages: RateCounter;
  joins: RateCounter;
  presence: RateCounter;
}

/** Whether a payload of this many bytes is over the limit. */
export function payloadTooLarge(bytes: number, limits: RealtimeLimits): boolean {
  return bytes > limits.payloadKb * 1000 + 500;
}
