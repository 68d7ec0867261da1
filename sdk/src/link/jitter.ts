/**
 * Returns a random time from half of `ms` to all of it, so that clients that lost a server together do not
 * come back at the same time.
 */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2);
