import { fetchAnswer } from "./call.ts";
import { prefixed } from "./function-names.ts";

/** A limit on how long no answer may arrive. */
export interface Limit {
  /** Call this when an answer arrives, so that the time starts again. */
  extend(): void;
  /** Resolves when the time is up. */
  readonly over: Promise<void>;
  readonly isOver: boolean;
}

/**
 * The requests of a client. They are aborted together if the client has to end and the network does
 * not answer.
 */
export class Requests {
  #cut = new AbortController();

  /** For `createClient({ global: { fetch } })`. */
  readonly fetch: typeof fetch;

  /** @param functionsPrefix the prefix of the names of Mayfly's edge functions. */
  constructor(functionsPrefix?: string) {
    this.fetch = prefixed((input, init = {}) => {
      const signals = init.signal ? [init.signal, this.#cut.signal] : [this.#cut.signal];
      return fetchAnswer(input, { ...init, signal: AbortSignal.any(signals) });
    }, functionsPrefix);
  }

  /** The result of a promise, or `otherwise` if the requests are aborted first. */
  async orElse<T>(result: Promise<T>, otherwise: T): Promise<T> {
    const { signal } = this.#cut;
    let stop: () => void = () => {};
    const cut = new Promise<T>((resolve) => {
      stop = () => resolve(otherwise);
      signal.addEventListener("abort", stop);
    });
    try {
      return await Promise.race([result, cut]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Runs steps, and aborts every request if none was answered for this long. */
  async within<T>(ms: number, steps: (limit: Limit) => Promise<T>): Promise<T> {
    const { signal } = this.#cut;
    const cut = () => this.#cut.abort(new Error(`No answer came within ${ms / 1000} s.`));
    let timer = setTimeout(cut, ms);
    const limit: Limit = {
      extend: () => {
        clearTimeout(timer);
        if (!signal.aborted) timer = setTimeout(cut, ms);
      },
      over: new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      }),
      get isOver() {
        return signal.aborted;
      },
    };
    try {
      return await steps(limit);
    } finally {
      clearTimeout(timer);
      if (signal.aborted) this.#cut = new AbortController();
    }
  }
}
