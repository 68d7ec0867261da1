/** Short jobs are claimed ahead: as many as are done in this time, and 200 at most. */
const aheadMs = 50;
const maxAhead = 200;
const retryMs = [100, 500, 2_000, 5_000, 15_000];

/** How long to wait before a call is made again that failed so often in a row. */
export const retryAfterMs = (failures: number): number =>
  retryMs[Math.min(failures, retryMs.length - 1)] ?? 15_000;

/** After a lease has ended, when what it left can be taken; workers that wait for the same one do not all look at once. */
export const afterLease = (ms: number): number => Math.max(200, ms) + 50 + 250 * Math.random();

/** After what is ready in this turn of the event loop. */
export const soon = (step: () => void) =>
  typeof setImmediate === "function" ? void setImmediate(step) : void setTimeout(step, 0);

/** How many jobs to claim ahead, by how long one takes. */
export const aheadOf = (meanMs: number, concurrency: number): number =>
  Math.min(maxAhead, Math.floor((aheadMs / meanMs) * concurrency) || 0);
