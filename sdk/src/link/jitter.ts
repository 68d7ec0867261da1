/**
 * Between half and all of a delay, so that clients that lost a server together do not come back at
 * the same time.
 */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2);
