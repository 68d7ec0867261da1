/** What the server allows and how long it waits. */
export interface RealtimeLimits {
  /** Sockets that have joined a channel. */
  connections: number;
  channelsPerConnection: number;
  /** Messages sent and received in the whole project. */
  messagesPerSecond: number;
  /** Connections and joins in the whole project. */
  joinsPerSecond: number;
  /**
   * How many presence messages the whole project may have in a second. Each track counts once, and each
   * diff once per receiver.
   */
  presencePerSecond: number;
  /** How many presence calls one client may make on one channel within `presenceWindowMs`. */
  presenceCalls: number;
  presenceWindowMs: number;
  /** Whether every join has presence, even without asking. Off, as on new projects. */
  presenceForAll: boolean;
  /** The largest payload in KB. Here, 1 KB is 1,000 bytes, and the server allows 500 bytes more. */
  payloadKb: number;
  /** Whether public channels are refused. */
  privateOnly: boolean;
  /** Whether everything is refused. */
  suspended: boolean;
  /** How long a refused join waits for its answer, while its socket is blocked. */
  joinErrorBackoffMs: number;
  /** How long a refused connection waits for its answer. */
  connectErrorBackoffMs: number;
  /** A socket that sends nothing for this long is closed. */
  idleTimeoutMs: number;
  replicationReadyTimeoutMs: number;
  /** A socket is closed if its frames that are not sent or not handled yet exceed this. */
  bufferedBytes: number;
  frameBytes: number;
  /** Rates are averages per second over the last `rateTicks` ticks of `rateTickMs`. */
  rateTickMs: number;
  rateTicks: number;
}

/** The limits of the Free plan, and the server's defaults for what plans do not set. */
export const freePlan: RealtimeLimits = {
  connections: 200,
  channelsPerConnection: 100,
  messagesPerSecond: 100,
  joinsPerSecond: 100,
  presencePerSecond: 20,
  presenceCalls: 5,
  presenceWindowMs: 30_000,
  presenceForAll: false,
  payloadKb: 256,
  privateOnly: false,
  suspended: false,
  joinErrorBackoffMs: 5_000,
  connectErrorBackoffMs: 2_000,
  idleTimeoutMs: 60_000,
  replicationReadyTimeoutMs: 30_000,
  bufferedBytes: 16_000_000,
  frameBytes: 5_000_000,
  rateTickMs: 5_000,
  rateTicks: 12,
};

/** The limits of the Pro plan. */
export const proPlan: RealtimeLimits = {
  ...freePlan,
  connections: 500,
  messagesPerSecond: 500,
  joinsPerSecond: 500,
  presencePerSecond: 50,
  payloadKb: 3_000,
};

const idleCheckMs = 300_000;

/**
 * Counts events and averages them over the last ticks, like Supabase's server. Only finished ticks
 * count, and the first tick is empty. The average changes only at the end of a tick, so a burst of
 * any size passes until then. After a longer quiet time, the average is lower, so larger bursts
 * pass.
 */
export class RateCounter {
  readonly #limit: number;
  readonly #tickMs: number;
  readonly #maxTicks: number;
  #ticks: number[] = [0];
  #current = 0;
  #startedAt = performance.now();
  #passedTicks = 0;

  constructor(limit: number, { rateTickMs, rateTicks }: RealtimeLimits) {
    this.#limit = limit;
    this.#tickMs = rateTickMs;
    this.#maxTicks = rateTicks;
  }

  add(count = 1): void {
    this.#advance();
    this.#current += count;
  }

  /** Events per second. */
  get average(): number {
    this.#advance();
    const sum = this.#ticks.reduce((total, count) => total + count, 0);
    return sum / this.#ticks.length / (this.#tickMs / 1_000);
  }

  /** Whether the rate is at or over the limit. */
  get reached(): boolean {
    return this.average >= this.#limit;
  }

  get limit(): number {
    return this.#limit;
  }

  #advance(): void {
    const now = performance.now();
    const due = Math.floor((now - this.#startedAt) / this.#tickMs);
    const passed = due - this.#passedTicks;
    if (passed <= 0) return;
    this.#passedTicks = due;
    this.#ticks.push(this.#current);
    for (let i = 1; i < Math.min(passed, this.#maxTicks); i++) this.#ticks.push(0);
    this.#ticks = this.#ticks.slice(-this.#maxTicks);
    this.#current = 0;
    this.#forgetIfIdle(now);
  }

  /**
   * Resets the counter after a quiet time. Like Supabase's server, this looks every five minutes
   * whether the last minute was quiet. If so, the next event resets the counter.
   */
  #forgetIfIdle(now: number): void {
    if (now - this.#startedAt < idleCheckMs || this.#ticks.some((count) => count > 0)) return;
    this.#ticks = [0];
    this.#startedAt = now;
    this.#passedTicks = 0;
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
