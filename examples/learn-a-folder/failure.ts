import type { Result } from "@mayfly/sdk";

/** What went wrong, in one sentence, with an exit code that shows whose fault it was. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: string;
  readonly exitCode: number;

  constructor(
    message: string,
    options: { code?: string; exitCode?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = options.code ?? "failed";
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Returns the data of an SDK call, or throws a failure that names the attempted action. */
export function dataOf<T>(doing: string, result: Result<T>): T {
  if (result.error === null) return result.data;
  const { code, message, hint } = result.error;
  throw new Failure(`${doing}: ${message}${hint ? ` ${hint}` : ""}`, { code, cause: result.error });
}

/**
 * Settles like the promise, but rejects at once if the signal is aborted, so that nobody waits after Ctrl-C.
 */
export function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}

/** Waits for the clean-up, but only for a limited time. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
