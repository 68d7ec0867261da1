/**
 * Milliseconds that only go forward, whatever is done to the clock of the machine: for everything that
 * is about how long, not about when.
 */
export const ticks = (): number => performance.now();

/** The time of the machine as it was when the process began, and forward from there. */
export const machineTime = (): number => Math.floor(performance.timeOrigin + performance.now());

/** A longer timer fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** The delay of a timer, whatever a server or a caller says. */
export const within = (ms: number): number => Math.min(ms, longestTimerMs);
