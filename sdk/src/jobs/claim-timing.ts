/** Short jobs are claimed ahead: as many as a worker can do in this many milliseconds, at most 200. */
const aheadMs = 50;
const maxAhead = 200;
const retryMs = [100, 500, 2_000, 5_000, 15_000];

/**
 * A second call runs at the same time as the first one if it has at least this many jobs to claim and record.
 */
export const besideFrom = 32;

/** Settles after this time, and keeps no process alive for it. */
export const passing = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    (timer as { unref?: () => void }).unref?.();
  });

/** How long to wait before retrying a call that failed this often in a row. */
export const retryAfterMs = (failures: number): number =>
  retryMs[Math.min(failures, retryMs.length - 1)] ?? 15_000;

/**
 * How long to wait before a look for the job of a lease that ends in `ms`. The random part keeps workers from
 * looking all at once.
 */
export const afterLease = (ms: number): number => Math.max(200, ms) + 50 + 250 * Math.random();

/** Runs a step after everything that is ready in this turn of the event loop. */
export const soon = (step: () => void) =>
  typeof setImmediate === "function" ? void setImmediate(step) : void setTimeout(step, 0);

/** How many jobs to claim ahead, depending on how long one takes. */
export const aheadOf = (meanMs: number, concurrency: number): number =>
  Math.min(maxAhead, Math.floor((aheadMs / meanMs) * concurrency) || 0);
