import { exitCodes } from "./failure.ts";

/** Lets a command be ended from outside. */
export interface Interruption {
  readonly signal: AbortSignal;
  /**
   * The exit code after an interruption. After a signal, it is the code of that signal. If the
   * output could not be written because its reader has gone, it is 0. If it could not be written
   * for any other reason, it is 1.
   */
  exitCode(): number | undefined;
}

/**
 * Signals this close together count as one, because the terminal and the launcher for an old Node both send one.
 */
const togetherMs = 300;

/**
 * Aborted by the first Ctrl-C, and when the output can no longer be written. A second Ctrl-C exits at once.
 */
export function interruption(): Interruption {
  const controller = new AbortController();
  let code: number | undefined;
  let since = 0;
  const by = (exitCode: number) => () => {
    if (controller.signal.aborted) {
      if (performance.now() - since > togetherMs) process.exit(exitCode);
      return;
    }
    since = performance.now();
    code = exitCode;
    controller.abort();
  };
  process.on("SIGINT", by(exitCodes.interrupted));
  process.on("SIGTERM", by(exitCodes.terminated));
  process.on("SIGHUP", by(129));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `mayfly tail | head`
    const left = error.code === "EPIPE";
    if (!left && !controller.signal.aborted)
      process.stderr.write(`The output could not be written: ${error.message}\n`);
    code = left ? 0 : exitCodes.failed;
    // This error may arrive after the work has ended, so set the exit code here, too.
    process.exitCode = code;
    controller.abort();
  });
  process.stderr.on("error", () => {});
  return { signal: controller.signal, exitCode: () => code };
}

/** Resolves when the signal is aborted. Until then the process stays alive, even between two connections. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const staying = setInterval(() => {}, 60_000);
  return new Promise((resolve) =>
    signal.addEventListener(
      "abort",
      () => {
        clearInterval(staying);
        resolve();
      },
      { once: true },
    ),
  );
}

/**
 * Settles like the promise, but rejects at once if the signal is aborted, so that nobody waits after Ctrl-C.
 */
export async function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, over]);
  } finally {
    promise.catch(() => {});
    signal.removeEventListener("abort", abort);
  }
}
