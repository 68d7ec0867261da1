import type { Result } from "../contract/errors.ts";
import type { Attributes, Where } from "./attributes.ts";
import type { Duration } from "./duration.ts";

/** The status of a job. The last three are final. */
export type JobStatus =
  | "scheduled"
  | "ready"
  | "running"
  | "waiting"
  | "succeeded"
  | "failed"
  | "cancelled";

/** Who may do a job: one agent, agents of a type, or agents that have all of these capabilities. */
export type JobTarget = { agent: string } | { type: string } | { capabilities: string[] };

/** Options of a job, besides its name and its input. */
export interface JobOptions {
  /** By default, the queue with the job's name. A worker with a handler for the job finds it in any queue. */
  queue?: string;
  /** The group of the job in its queue. Groups share the queue fairly, and a queue can limit each group. */
  group?: string;
  /** Jobs with a lower number come first. 0 by default. */
  priority?: number;
  /** When the job is due, at once by default. `delay` says the same as a time from now. */
  runAt?: Date;
  delay?: Duration;
  /**
   * Adding another job with this key returns the existing job, even an ended one, as long as the database
   * keeps that job.
   */
  key?: string;
  target?: JobTarget;
  /** 5 by default. It costs no attempt if the job waits or if a worker gives it back. */
  maxAttempts?: number;
  /**
   * Pauses between attempts, in seconds: random, from 0 to `base * factor^n`, or to `cap` if that is less. `n` is the
   * number of earlier attempts that failed or were lost: 0 for the first pause. By default 1, 2 and 300.
   */
  backoff?: { base?: number; factor?: number; cap?: number };
  /** How long one attempt may take. */
  timeout?: Duration;
  /** After this time, the job no longer runs, and fails. */
  deadline?: Date;
  /**
   * A trace context (W3C `traceparent`), passed on to the worker. If you use `telemetry`, the
   * default is the context of the current span.
   */
  trace?: string;
  /** The id of a message that is answered with a `task_result` when the job ends. */
  answers?: string;
  /** What the job is about, so that lists find it: `{ customer: "acme" }`. Everybody who sees the job sees this. */
  attributes?: Attributes;
}

/** A job to add. */
export interface NewJob extends JobOptions {
  name: string;
  input?: unknown;
}

/** The result of adding a job. */
export interface AddedJob {
  id: string;
  /** Whether a job with this key already existed, so that nothing was added. */
  existing: boolean;
}

/** Adds jobs in batches of a thousand, each as a whole or not at all. @internal */
export interface JobsAdder {
  add(jobs: NewJob[]): Promise<Result<AddedJob[]>>;
}

/** Why a job, or an attempt, failed. */
export interface JobError {
  code: string;
  message: string;
  /** Redriving the job would end in the same way, so it is refused with `job_final`. */
  final?: true;
}

/** A job without its input and its result. */
export interface JobInfo {
  id: string;
  name: string;
  queue: string;
  status: JobStatus;
  priority: number;
  attempt: number;
  maxAttempts: number;
  runAt: Date;
  createdAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  /** The agent or person that holds it, or held it last. All zeros for the secret key. */
  holder?: string;
  parentId?: string;
  key?: string;
  /** Why the job failed, or the error of its last failed attempt. */
  error?: JobError;
  /** The signals for which it waits. */
  waitFor?: string[];
  /** Whether it was cancelled, but its worker does not know this yet. */
  cancelled?: boolean;
  attributes?: Attributes;
}

/** A job with all its details. */
export interface JobDetails<Input = unknown, Output = unknown> extends JobInfo {
  input: Input;
  /** Null until it has succeeded. */
  result: Output | null;
  /** The agent or person that added it. Missing for the secret key. */
  createdBy?: string;
  /** How long one attempt may take, in seconds. */
  timeout: number | null;
  steps: { name: string; result: unknown; attempt: number; ms: number | null; at: Date }[];
  /** Attempts that failed or were lost. */
  attempts: {
    attempt: number;
    holder: string | null;
    startedAt: Date | null;
    endedAt: Date;
    error: JobError;
  }[];
  /** Signals that nobody has taken yet. */
  signals: { name: string; at: Date }[];
  /**
   * The first 1,000 children. In a graph, the child for a step has the key `<run>/<step>`, or in a map
   * `<run>/<step>[<item>]`.
   */
  children: { id: string; name: string; status: JobStatus; key?: string }[];
}

/** Which jobs to list. */
export interface ListJobs {
  status?: JobStatus | JobStatus[];
  queue?: string;
  name?: string;
  /** Only jobs that this agent or person holds, or was the last to hold. */
  holder?: string;
  ids?: string[];
  /** Only jobs whose key begins with this. */
  keyPrefix?: string;
  /** Only jobs with these attributes: `{ customer: "acme" }` or `customer:acme`. An index finds them. */
  where?: Where;
  /** Only those that were added at this time or later. */
  since?: Date;
  /** Only those that were added before this time. */
  until?: Date;
  /**
   * Only jobs with this text in their id, name, key, error or input. Case does not matter. 200 characters at
   * most.
   */
  containing?: string;
  /** The last id of the previous page. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** How long jobs or calls took, in milliseconds. Null if no job or call has ended. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** Numbers of a queue. */
export interface QueueStatistics {
  queue: string;
  ready: number;
  running: number;
  scheduled: number;
  waiting: number;
  /** When the oldest of its ready jobs became ready. */
  oldestReady: Date | null;
  /** What `setQueue` has set. */
  limits: QueueLimits;
  succeeded: number;
  failed: number;
  cancelled: number;
  /**
   * `wait` is the time from when a job was due until it started. `run` is the time from then until it ended.
   */
  wait: Percentiles;
  run: Percentiles;
}

/** The limits of a queue. */
export interface QueueLimits {
  /** If true, no further job of the queue starts. */
  paused?: boolean;
  maxRunning?: number;
  maxRunningPerGroup?: number;
  /** How many jobs may start in a second. */
  rate?: number;
  /** Its share of the work compared with other queues. 1 by default. */
  weight?: number;
}

/** When to add a job, and which one. */
export interface ScheduleOptions {
  /** Five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  cron: string;
  /** The time zone, such as `Europe/Berlin`; UTC by default. */
  timeZone?: string;
  /** The name of the job to add. */
  job: string;
  input?: unknown;
  options?: Pick<
    JobOptions,
    | "queue"
    | "group"
    | "priority"
    | "maxAttempts"
    | "backoff"
    | "timeout"
    | "target"
    | "trace"
    | "attributes"
  >;
  /**
   * What to add for times that were missed while nothing ran: one job for all missed times (the default), one
   * job for each, or none.
   */
  catchUp?: "one" | "all" | "none";
  /**
   * What to do if the schedule's last job has not ended: skip this time (the default), or allow another job.
   */
  overlap?: "skip" | "allow";
  paused?: boolean;
}

/** The current schedule. */
export interface Schedule {
  name: string;
  cron: string;
  timeZone: string;
  job: string;
  input: unknown;
  options: Record<string, unknown>;
  catchUp: "one" | "all" | "none";
  overlap: "skip" | "allow";
  paused: boolean;
  /** When the schedule next adds a job. Null while it is paused. */
  nextAt: Date | null;
  lastAt: Date | null;
  /** The id of the last job that it added. */
  lastJob: string | null;
  /** How many times it added nothing, because the last job was still running or the time was missed. */
  skipped: number;
  /** Why the schedule could not add its job the last time. */
  error: string | null;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}
