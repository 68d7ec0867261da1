import type { Result } from "@mayfly/sdk";

/** What went wrong, in one sentence, with the exit code that says whose fault it was. */
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

/** The data of an SDK call, or a failure that says what was being done. */
export function dataOf<T>(doing: string, result: Result<T>): T {
  if (result.error === null) return result.data;
  const { code, message, hint } = result.error;
  throw new Failure(`${doing}: ${message}${hint ? ` ${hint}` : ""}`, { code, cause: result.error });
}

/** The promise, or a rejection as soon as the signal is aborted: nobody waits for a call after Ctrl-C. */
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

/** Waits for cleaning up, but not for ever. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
