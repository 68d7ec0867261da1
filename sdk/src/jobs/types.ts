import type { Result } from "../contract/errors.ts";
import type { Duration } from "./duration.ts";

/** Where a job stands. The last three are its ends. */
export type JobStatus =
  | "scheduled"
  | "ready"
  | "running"
  | "waiting"
  | "succeeded"
  | "failed"
  | "cancelled";

/** Who may do a job: an agent, one of a type, or one that has all of these capabilities. */
export type JobTarget = { agent: string } | { type: string } | { capabilities: string[] };

/** How a job is to be done, beside its name and its input. */
export interface JobOptions {
  /** The name of the job by default. A worker with handlers for a name finds it in any queue. */
  queue?: string;
  /** Within its queue: for fairness among groups, and limits per group. */
  group?: string;
  /** The lowest is first; 0 by default. */
  priority?: number;
  /** When it is due; or after how long. At once by default. */
  runAt?: Date;
  delay?: Duration;
  /** Adding another job with this key gives the one there is, for as long as that is kept. */
  key?: string;
  target?: JobTarget;
  /** 5 by default. Waits, and a worker that gives it back politely, cost none. */
  maxAttempts?: number;
  /** Of retries, in seconds: a random part of `base * factor^n`, `cap` at most. 1, 2 and 300. */
  backoff?: { base?: number; factor?: number; cap?: number };
  /** How long one attempt may take. */
  timeout?: Duration;
  /** After this instant it fails instead of running. */
  deadline?: Date;
  /** A trace context (W3C `traceparent`), handed on to the worker. */
  trace?: string;
  /** The id of a message that the end of the job answers, with a `task_result`. */
  answers?: string;
}

/** A job to add. */
export interface NewJob extends JobOptions {
  name: string;
  input?: unknown;
}

/** What adding a job gave. */
export interface AddedJob {
  id: string;
  /** Its key was known: nothing was added. */
  existing: boolean;
}

/** What adds jobs, all or none for each thousand. @internal */
export interface JobsAdder {
  add(jobs: NewJob[]): Promise<Result<AddedJob[]>>;
}

/** Why a job, or an attempt, failed. */
export interface JobError {
  code: string;
  message: string;
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
  /** The agent or person that has it, or had it last; all zeros for the secret key. */
  holder?: string;
  parentId?: string;
  key?: string;
  /** Why it failed, or what its last failed attempt said. */
  error?: JobError;
  /** The signals that it waits for. */
  waitFor?: string[];
  /** Somebody has cancelled it, and its worker does not know yet. */
  cancelled?: boolean;
}

/** A job with everything that is known of it. */
export interface JobDetails<Input = unknown, Output = unknown> extends JobInfo {
  input: Input;
  /** Null until it has succeeded. */
  result: Output | null;
  /** In seconds. */
  timeout: number | null;
  steps: { name: string; result: unknown; attempt: number; ms: number | null; at: Date }[];
  /** Those that failed or were lost. */
  attempts: {
    attempt: number;
    holder: string | null;
    startedAt: Date | null;
    endedAt: Date;
    error: JobError;
  }[];
  /** That nobody has taken yet. */
  signals: { name: string; at: Date }[];
  children: { id: string; name: string; status: JobStatus }[];
}

/** Which jobs to list. */
export interface ListJobs {
  status?: JobStatus | JobStatus[];
  queue?: string;
  name?: string;
  /** The last id of the page before. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** Milliseconds; null where none has ended. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** A queue in numbers. */
export interface QueueStatistics {
  queue: string;
  ready: number;
  running: number;
  scheduled: number;
  waiting: number;
  /** Since when its oldest job is ready. */
  oldestReady: Date | null;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** From due to begun, and from begun to ended. */
  wait: Percentiles;
  run: Percentiles;
}

/** What holds for a queue. */
export interface QueueLimits {
  /** No job of it begins. */
  paused?: boolean;
  maxRunning?: number;
  maxRunningPerGroup?: number;
  /** How many may begin in a second. */
  rate?: number;
  /** Its share beside the other queues; 1 by default. */
  weight?: number;
}

/** When a job is added, and which. */
export interface ScheduleOptions {
  /** Five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  cron: string;
  /** Such as `Europe/Berlin`; UTC by default. */
  timeZone?: string;
  /** The name of the job to add. */
  job: string;
  input?: unknown;
  options?: Pick<
    JobOptions,
    "queue" | "group" | "priority" | "maxAttempts" | "backoff" | "timeout" | "target" | "trace"
  >;
  /** What was missed while nothing ran: one job for all of it (the default), one for each, or none. */
  catchUp?: "one" | "all" | "none";
  /** While its last job has not ended: skip this time (the default), or allow another. */
  overlap?: "skip" | "allow";
  paused?: boolean;
}

/** A schedule, as it stands. */
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
  /** Null while it is paused. */
  nextAt: Date | null;
  lastAt: Date | null;
  /** The id of the job that it added last. */
  lastJob: string | null;
  /** How many times it did not fire, since the job before still ran or the time was missed. */
  skipped: number;
  /** Why it could not add its job the last time. */
  error: string | null;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}
