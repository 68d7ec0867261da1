import type { MayflyError } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { workBounds } from "../contract/work-bounds.ts";

/** How a worker works. */
export interface WorkOptions {
  /** How many jobs are done at once; 8 by default. */
  concurrency?: number;
  /** Only jobs of these queues; of any by default, those that there is a handler for. */
  queues?: string[];
  /** Seconds that a job stays this worker's without a word of it; extended while it lives. 30 by default. */
  lease?: number;
  /** How often it looks when nobody wakes it, at most: 5,000 ms by default. A lost hint costs as much. */
  pollMs?: number;
  /** Told what failed on the way: a call that is tried again, a handler that threw. */
  onError?: (error: MayflyError) => void;
  /** Where there are signals, SIGTERM drains: jobs under way end, no other begins. True by default. */
  drainOnTermination?: boolean;
  /**
   * The name of an edge function of `serveJobs` that this worker wakes, when it begins and each minute: for projects
   * without pg_cron. Needs the secret key.
   */
  wakes?: string;
  /** Jobs of every tenant, by the secret key. @internal */
  anyTenant?: boolean;
  /** Ends when there is nothing to do. @internal */
  untilEmpty?: boolean;
  /** A job that `stop` gives back has failed its attempt if it recorded no step for this long. @internal */
  stalledMs?: number;
}

/** A worker that was started. */
export interface Work {
  /** Jobs that it has ended: done, or failed. */
  readonly done: number;
  /** Jobs that are being done now. */
  readonly running: number;
  /** Why it ended by itself; null after `stop`. */
  readonly ended: Promise<MayflyError | null>;
  /**
   * Begins no other job, gives back those that it has not begun, and waits for the others: after
   * `timeoutMs` (25,000) their signals end, and they are given back too.
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}

/** What of a worker's set-up makes no sense. */
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
