/** The one policy of what is tried again, and when. */
import type { ErrorCode, MayflyError, Result } from "../contract/errors.ts";
import { jittered } from "./jitter.ts";
import { within } from "./ticks.ts";

/** Errors that say nothing final: what runs by itself (a watch, an inbox, a renewal) goes on. */
export const passing: readonly ErrorCode[] = [
  "internal",
  "rate_limited",
  "unavailable",
  "version_unsupported",
];
export const passes = ({ code }: MayflyError): boolean => passing.includes(code);

/** Errors after which nobody knows what was done: a call with an id of its own is made again. */
export const mayBeDone = ({ code }: MayflyError): boolean =>
  code === "internal" || code === "unavailable";

/** Seconds after which the server allows another try, in milliseconds; 0 where it names none. */
export function askedToWait({ details }: MayflyError): number {
  const { retry_after: seconds } = Object(details) as { retry_after?: unknown };
  return typeof seconds === "number" && seconds > 0 ? seconds * 1_000 : 0;
}

export interface BackoffOptions {
  firstMs?: number;
  maxMs?: number;
  /** How many tries there are in all; without it, no end. */
  tries?: number;
}

/** Pauses between tries: doubled each time, with jitter, and no shorter than the server asks for. */
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

  /** How long to pause after one more failure; undefined when that was the last try. */
  next(error?: MayflyError): number | undefined {
    this.#failures++;
    if (this.#failures >= this.#tries) return undefined;
    const ms = jittered(Math.min(this.#firstMs * 2 ** (this.#failures - 1), this.#maxMs));
    return within(Math.max(ms, error ? askedToWait(error) : 0));
  }

  /** It went well: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Makes a call until it succeeds, fails for good by `again`, or has been tried often enough. */
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

/** A pause that something can end early. */
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

  /** Ends the pause that is under way. */
  wake(): void {
    this.#wake();
  }

  /** Ends it, and every later one. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
