import type { MayflyError } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { workBounds } from "../contract/work-bounds.ts";

/** Options of a worker. */
export interface WorkOptions {
  /** How many jobs to do at the same time. 8 by default. */
  concurrency?: number;
  /** Only jobs of these queues. By default, jobs of any queue for which there is a handler. */
  queues?: string[];
  /**
   * How many seconds this worker keeps a job after its last heartbeat. Each heartbeat extends the lease. 30
   * by default.
   */
  lease?: number;
  /**
   * How often it looks for jobs if nothing wakes it: 5,000 ms by default. If a wake-up is lost, a job waits
   * at most this long.
   */
  pollMs?: number;
  /**
   * Called with errors that do not end the worker, such as a call that is retried or a handler that threw.
   */
  onError?: (error: MayflyError) => void;
  /**
   * Whether SIGTERM drains the worker: it starts no more jobs, and lets running jobs finish. True by
   * default.
   */
  drainOnTermination?: boolean;
  /**
   * For projects without pg_cron: the name of an edge function with `serveJobs`. This worker calls it at
   * its start and then each minute. Needs the secret key.
   */
  wakes?: string;
  /**
   * Whether the worker publishes the names, descriptions and input schemas of its handlers, from which forms
   * are made. True by default. A worker for all tenants publishes nothing.
   */
  publish?: boolean;
  /** Works on jobs of every tenant, with the secret key. @internal */
  anyTenant?: boolean;
  /** Ends when there is nothing to do. @internal */
  untilEmpty?: boolean;
  /**
   * If a job has recorded no step for this long when `stop` gives it back, its attempt fails. @internal
   */
  stalledMs?: number;
}

/** A running worker. */
export interface Work {
  /** How many jobs it has ended, successfully or not. */
  readonly done: number;
  /** How many jobs are running now. */
  readonly running: number;
  /** Resolves when the worker has ended: to null after `stop`, otherwise to the error. */
  readonly ended: Promise<MayflyError | null>;
  /**
   * Starts no more jobs, gives back those that it has not started, and waits for the others. After
   * `timeoutMs` (25,000) their signals are aborted, and they are given back too.
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}

/** Checks the options of a worker. */
export function faultIn(
  handlers: object,
  { concurrency = 8, lease = 30, pollMs = 5_000 }: WorkOptions,
): MayflyError | undefined {
  const { concurrency: jobs, lease: seconds, pollMs: poll } = workBounds;
  if (!Number.isInteger(concurrency) || concurrency < jobs.least || concurrency > jobs.most)
    return invalid("concurrency", `must be a whole number from ${jobs.least} to ${jobs.most}`);
  if (!(lease >= seconds.least && lease <= seconds.most))
    return invalid("lease", `must be ${seconds.least} to ${seconds.most} seconds`);
  if (!(pollMs >= poll.least)) return invalid("pollMs", `must be at least ${poll.least}`);
  if (Object.keys(handlers).length === 0) return invalid("handlers", "must have at least one");
  return undefined;
}
