/**
 * Milliseconds that only go forward, even if the machine's clock is changed. For durations, not for points in
 * time.
 */
export const ticks = (): number => performance.now();

/** The machine's time when the process started, plus the time since then. It never goes back. */
export const machineTime = (): number => Math.floor(performance.timeOrigin + performance.now());

/** The longest delay that a timer accepts, in ms. A timer with a longer delay fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** A delay that a timer accepts, however long a server or a caller wants to wait. */
export const within = (ms: number): number => Math.min(ms, longestTimerMs);
