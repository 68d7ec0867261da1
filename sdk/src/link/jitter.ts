/** Half of a delay to all of it: those who lost one server together do not come back together. */
export const jittered = (ms: number): number => ms * (0.5 + Math.random() / 2);
