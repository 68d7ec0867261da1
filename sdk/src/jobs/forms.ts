import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import { fromRow, present } from "../link/rows.ts";
import { secondsOf } from "./duration.ts";
import type {
  JobDetails,
  JobOptions,
  ListJobs,
  NewJob,
  QueueStatistics,
  Schedule,
  ScheduleOptions,
} from "./types.ts";

const instant = (value: Date | undefined) => (value === undefined ? undefined : instantOf(value));

/**
 * Converts a duration to seconds. Returns an invalid duration unchanged, and the server then refuses it.
 */
export const seconds = (value: NewJob["delay"]) => {
  if (value === undefined) return undefined;
  const length = secondsOf(value);
  return Number.isNaN(length) ? value : length;
};

/** The options of a job in the form that SQL expects. */
export const toOptions = (options: JobOptions) =>
  present({
    queue: options.queue,
    group: options.group,
    priority: options.priority,
    run_at: instant(options.runAt),
    delay: seconds(options.delay),
    key: options.key,
    target: options.target,
    max_attempts: options.maxAttempts,
    backoff: options.backoff,
    timeout: seconds(options.timeout),
    deadline: instant(options.deadline),
    trace: options.trace,
    answers: options.answers,
    attributes: options.attributes,
  });

export const toJob = ({ name, input, ...options }: NewJob) => ({
  name,
  ...(input !== undefined && { input }),
  ...toOptions(options),
});

/** Which jobs to list, in the form that SQL expects, without `where`. An empty text is no filter. */
export const toList = ({ status, ids, before, ...of }: ListJobs) =>
  present({
    of_status: status && [status].flat(),
    of_queue: of.queue || undefined,
    of_name: of.name || undefined,
    of_holder: of.holder ? idOf(of.holder) : undefined,
    of_ids: ids?.map(idOf),
    of_key_prefix: of.keyPrefix || undefined,
    since: of.since?.toISOString(),
    until: of.until?.toISOString(),
    containing: of.containing || undefined,
    before: before ? idOf(before) : undefined,
    page_limit: of.limit,
  });

export const toSchedule = (name: string, { cron, job, input, options, ...more }: ScheduleOptions) =>
  present({
    name,
    cron,
    job,
    input,
    time_zone: more.timeZone,
    options: options && toOptions(options),
    catch_up: more.catchUp,
    overlap: more.overlap,
    paused: more.paused,
  });

/** Converts a row of get_job, including its nested rows. */
export function toDetails<Input, Output>(
  given: Record<string, unknown>,
): JobDetails<Input, Output> {
  const rows = (value: unknown) => (value as Record<string, unknown>[]).map(fromRow);
  const shown = fromRow(given) as Record<string, unknown>;
  return {
    ...shown,
    steps: rows(given.steps).map((step) => ({ ...step, at: new Date(step.at as string) })),
    attempts: rows(given.attempts),
    signals: rows(given.signals).map((signal) => ({
      ...signal,
      at: new Date(signal.at as string),
    })),
  } as unknown as JobDetails<Input, Output>;
}

export const toShownSchedule = (given: object) => fromRow(given) as unknown as Schedule;

/** Converts the answer about a queue. A server before 0.2 does not send the limits. */
export function toStatistics(given: object): QueueStatistics {
  const { oldest_ready, limits, ...more } = given as QueueStatistics & {
    oldest_ready: string | null;
  };
  return {
    ...more,
    limits: fromRow(limits ?? {}),
    oldestReady: oldest_ready === null ? null : new Date(oldest_ready),
  };
}
