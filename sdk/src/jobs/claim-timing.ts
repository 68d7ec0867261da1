/** A worker claims short jobs in advance: as many as it can do in `aheadMs`, but at most `maxAhead`. */
const aheadMs = 50;
const maxAhead = 200;
const retryMs = [100, 500, 2_000, 5_000, 15_000];

/**
 * While one call is running, a worker makes a second one if there are at least this many jobs to
 * claim and record.
 */
export const besideFrom = 32;

/** Resolves after this time. The timer does not keep the process alive. */
export const passing = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    (timer as { unref?: () => void }).unref?.();
  });

/** How long to wait before retrying a call that failed this often in a row. */
export const retryAfterMs = (failures: number): number =>
  retryMs[Math.min(failures, retryMs.length - 1)] ?? 15_000;

/**
 * How long to wait before looking for a job whose lease ends in `ms`. The random part keeps workers
 * from looking all at the same time.
 */
export const afterLease = (ms: number): number => Math.max(200, ms) + 50 + 250 * Math.random();

/** Runs a step in a later turn of the event loop, after all callbacks that are ready now. */
export const soon = (step: () => void) =>
  typeof setImmediate === "function" ? void setImmediate(step) : void setTimeout(step, 0);

/** How long jobs take on average, in which recent jobs count more. */
export class Pace {
  #meanMs = Number.POSITIVE_INFINITY;

  add(ms: number): void {
    this.#meanMs = Number.isFinite(this.#meanMs) ? this.#meanMs * 0.9 + ms * 0.1 : ms;
  }

  /** How many jobs to claim in advance. */
  ahead(concurrency: number): number {
    return Math.min(maxAhead, Math.floor((aheadMs / this.#meanMs) * concurrency) || 0);
  }
}
