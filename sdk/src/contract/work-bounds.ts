/** What a worker's set-up may say. */
export const workBounds = {
  concurrency: { least: 1, most: 500 },
  /** Seconds. */
  lease: { least: 3, most: 3_600 },
  pollMs: { least: 10 },
};
