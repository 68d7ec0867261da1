/**
 * Says which calls are retried, and when. Every loop that retries a call uses this file. The following loops
 * do not, because they retry no call: `handler-queue` calls the user's handler again. `Presence` spreads the
 * updates of returning agents over a growing time. `jobs.ended`, `Waiting`, `reembed` and `watchTeam` poll
 * something that may have changed. `lookAgainMs` waits for a row whose broadcast came first.
 */
import type { ErrorCode, MayflyError, Result } from "../contract/errors.ts";
import { jittered } from "./jitter.ts";
import { within } from "./monotonic-time.ts";

/** Errors that may be temporary. Background work (a watch, an inbox, a renewal) tries again. */
export const passing: readonly ErrorCode[] = [
  "internal",
  "rate_limited",
  "unavailable",
  "version_unsupported",
];
export const passes = ({ code }: MayflyError): boolean => passing.includes(code);

/**
 * Whether the call may have taken effect despite this error. If so, it is repeated only if it has an id by
 * which the server notices a repetition.
 */
export const mayBeDone = ({ code }: MayflyError): boolean =>
  code === "internal" || code === "unavailable";

/** After how many milliseconds the server allows another try. 0 if it does not say. */
export function askedToWait({ details }: MayflyError): number {
  const { retry_after: seconds } = Object(details) as { retry_after?: unknown };
  return typeof seconds === "number" && seconds > 0 ? seconds * 1_000 : 0;
}

export interface BackoffOptions {
  firstMs?: number;
  maxMs?: number;
  /** How many tries in all. By default, there is no limit. */
  tries?: number;
}

/**
 * The pauses between tries. They double each time, have jitter, and are never shorter than the server asked
 * for.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #tries: number;
  #failures = 0;

  constructor({ firstMs = 500, maxMs = 30_000, tries = Infinity }: BackoffOptions = {}) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#tries = tries;
  }

  /** How long to pause after another failure. Undefined if that was the last try. */
  next(error?: MayflyError): number | undefined {
    this.#failures++;
    if (this.#failures >= this.#tries) return undefined;
    const ms = jittered(Math.min(this.#firstMs * 2 ** (this.#failures - 1), this.#maxMs));
    return within(Math.max(ms, error ? askedToWait(error) : 0));
  }

  /** Call this after a success, so that the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Repeats a call until it succeeds, `again` returns false for its error, or no tries are left. */
export async function retried<T>(
  call: () => Promise<Result<T>>,
  again: (error: MayflyError) => boolean,
  options: BackoffOptions & { pause?: Pause },
): Promise<Result<T>> {
  const { pause = new Pause(), ...backoffOptions } = options;
  const backoff = new Backoff(backoffOptions);
  for (;;) {
    const result = await call();
    if (!result.error || !again(result.error)) return result;
    const ms = backoff.next(result.error);
    if (ms === undefined) return result;
    await pause.sleep(ms);
    if (pause.ended) return result;
  }
}

/** Waits when a rate limit refuses a call, up to this many seconds in all. */
export class Patience {
  #leftMs: number;

  constructor(seconds: number) {
    this.#leftMs = seconds * 1_000;
  }

  async wait<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
    for (;;) {
      const result = await call();
      if (result.error?.code !== "rate_limited") return result;
      const ms = askedToWait(result.error) || 1_000;
      if (ms > this.#leftMs) return result;
      this.#leftMs -= ms;
      await new Promise((resolve) => setTimeout(resolve, within(ms)));
    }
  }
}

/** A pause that can be ended early. */
export class Pause {
  #wake: () => void = () => {};
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  async sleep(ms: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, within(ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** Ends the current pause. */
  wake(): void {
    this.#wake();
  }

  /** Ends the current pause at once, and every later pause too. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
