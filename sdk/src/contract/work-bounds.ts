/** Limits of a worker's settings, and of lists of its work. */
export const workBounds = {
  concurrency: { least: 1, most: 500 },
  /** Seconds. */
  lease: { least: 3, most: 3_600 },
  pollMs: { least: 10 },
  /** The text to find in a list of jobs or runs, in characters. */
  containing: 200,
};

/** How many attributes a job may have, how long a name may be, and how many bytes a text may have. */
export const attributeBounds = { names: 16, name: 64, value: 256 };

/**
 * How long the names of workflows may be (they are part of the names of jobs and steps), and how
 * many steps a graph may have.
 */
export const workflowBounds = { name: 50, version: 32, step: 190, steps: 200 };

/** Limits of the kinds of jobs that workers publish: see `publish_job_kinds`. */
export const kindBounds = {
  perCall: 500,
  perTenant: 1_000,
  /** Characters. */
  description: 500,
  schemaBytes: 16_384,
  schemaLevels: 32,
};
