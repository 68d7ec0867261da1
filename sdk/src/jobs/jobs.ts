import { list } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import { fromRow } from "../link/rows.ts";
import type { MessageHandler } from "../messages/messages.ts";
import { addJobs } from "./add-jobs.ts";
import {
  cancelledJobs,
  discarded,
  jobRow,
  limitsRow,
  queueRow,
  redriven,
  woken,
} from "./answers.ts";
import { toWhere } from "./attributes.ts";
import { type DeadJobs, toDead } from "./dead-jobs.ts";
import { doorOf, type JobsDoor } from "./door.ts";
import { toDetails, toList, toStatistics } from "./forms.ts";
import { type FromMessage, fromMessages } from "./from-messages.ts";
import { DefinedJobs, type JobKind } from "./kinds.ts";
import type { JobHandlers } from "./local-job.ts";
import { PublishedKinds } from "./published-kinds.ts";
import { Schedules } from "./schedules.ts";
import type {
  AddedJob,
  JobDetails,
  JobInfo,
  JobOptions,
  ListJobs,
  NewJob,
  QueueLimits,
  QueueStatistics,
} from "./types.ts";
import { wakeByTheMinute } from "./wake-function.ts";
import type { Work, WorkOptions } from "./work-options.ts";
import { Worker } from "./worker.ts";

/** How much time running jobs get to finish when the connection closes. */
const drainMs = 5_000;
const ends = ["succeeded", "failed", "cancelled"];

/** The jobs of a tenant: add them, work on them, look at them, end them. */
export class Jobs {
  readonly schedules: Schedules;
  /** What workers have handlers for, with the schemas of their inputs. */
  readonly kinds: PublishedKinds;
  readonly #link: Link;
  readonly #door: JobsDoor;
  readonly #anyTenant: boolean;
  readonly #working = new Set<Worker>();

  /** @internal */
  constructor(link: Link, anyTenant = false, within?: (tenantId: string) => Link) {
    this.#link = link;
    this.#door = doorOf(link, within);
    this.#anyTenant = anyTenant;
    this.schedules = new Schedules(this.#door);
    this.kinds = new PublishedKinds(this.#door, link.tenantId);
  }

  /**
   * Works on jobs for which there is a handler, until `stop()` or the end of the connection. If the agent
   * dies, other workers get its jobs, with a higher `attempt`, and skip the recorded steps. With the secret
   * key and no tenant, it works for all tenants, and divides its work fairly among them.
   *
   * @returns `invalid_request` with the option.
   *
   * @example
   * const { data: work } = await agent.jobs.work({
   *   summarise: async (input, job) => {
   *     const page = await job.step("fetch", () => fetch(input.url).then((r) => r.text()));
   *     return summary(page);
   *   },
   * }, { concurrency: 8 });
   */
  async work(handlers: JobHandlers, options: WorkOptions = {}): Promise<Result<Work>> {
    const given = { anyTenant: this.#anyTenant, ...options };
    const started = Worker.start(this.#door, handlers, given, this.#link.note);
    if (started.error) return started;
    const worker = started.data;
    this.#working.add(worker);
    const { wakes, onError, publish = true } = options;
    const unwake = wakes === undefined ? () => {} : wakeByTheMinute(this.#link, wakes, onError);
    const isPublic = publish && !given.anyTenant;
    const unpublish = isPublic ? this.kinds.keepPublished(handlers, this.#link.note) : () => {};
    void worker.ended.then(() => {
      this.#working.delete(worker);
      unwake();
      unpublish();
    });
    return started;
  }

  /** @internal */
  async finish({ over }: Limit): Promise<null> {
    await Promise.race([this.#stop(drainMs), over]);
    return null;
  }

  /** @internal */
  async close(): Promise<void> {
    await this.#stop(0);
  }

  async #stop(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#working].map((worker) => worker.stop({ timeoutMs })));
  }

  /**
   * Adds one or many jobs, in batches of a thousand. Each batch is added as a whole or not at all.
   *
   * @returns the id of the job, or of the existing job with the same key. Errors: `invalid_request` with
   * the field, `quota_exceeded`, `rate_limited`, `scope_missing` without `job:add`.
   *
   * @example
   * const { data: job } = await mayfly.jobs.add("summarise", { url }, { key: url, delay: "10m" });
   * await mayfly.jobs.add(urls.map((url) => ({ name: "summarise", input: { url } })));
   */
  add(name: string, input?: unknown, options?: JobOptions): Promise<Result<AddedJob>>;
  add(jobs: NewJob[]): Promise<Result<AddedJob[]>>;
  async add(
    what: string | NewJob[],
    input?: unknown,
    options: JobOptions = {},
  ): Promise<Result<AddedJob> | Result<AddedJob[]>> {
    const jobs = typeof what === "string" ? [{ name: what, input, ...options }] : what;
    const answer = await addJobs(this.#door, this.#link.tenantId, jobs);
    if (answer.error || typeof what !== "string") return answer;
    return ok(answer.data[0] as AddedJob);
  }

  /**
   * Defines kinds of jobs with schemas, from zod or any other library that supports Standard Schema. Types are
   * inferred, and an unknown name or wrong input is refused when you add or schedule the job.
   *
   * @example
   * import { z } from "zod";
   *
   * const jobs = mayfly.jobs.define({ summarise: { input: z.object({ url: z.url() }) } });
   * const { error } = await jobs.add("summarise", { url: "nowhere" }); // details.field: input.url
   * await mayfly.jobs.work(jobs.handlers({ summarise: ({ url }) => summary(url) }));
   */
  define<Kinds extends Record<string, JobKind>>(kinds: Kinds): DefinedJobs<Kinds> {
    return new DefinedJobs(this, this.schedules, kinds);
  }

  /**
   * Returns a message handler that adds one job for each message, however often the message is delivered. When
   * the job has ended, the sender gets one `task_result`: `{ job, status, result, error? }`, whatever happens
   * to the worker. While the job cannot be added, the message stays in the inbox. Needs `job:add`.
   *
   * @param what the name of the job, which gets the payload as its input, or a function that may return a job.
   *
   * @example
   * agent.on("task_assignment", agent.jobs.fromMessages("do-task", { maxAttempts: 3 }));
   * await agent.work({ "do-task": async ({ task }, job) => job.step("do", () => summary(task)) });
   */
  fromMessages(what: FromMessage, options: JobOptions = {}): MessageHandler {
    return fromMessages(this, what, options);
  }

  /**
   * Reads a job with its steps, its failed attempts and its children.
   *
   * @returns `job_unknown`, `scope_missing` without `job:read`.
   */
  async get<Input = unknown, Output = unknown>(
    id: string,
  ): Promise<Result<JobDetails<Input, Output>>> {
    const answer = await this.#door.call("get_job", { id: idOf(id) }, jobRow);
    return answer.error ? answer : ok(toDetails<Input, Output>(answer.data));
  }

  /**
   * Lists jobs without inputs and results, newest first, one page at a time.
   *
   * @example
   * const { data } = await mayfly.jobs.list({ where: { customer: "acme" }, status: "failed" });
   */
  async list(of: ListJobs = {}): Promise<Result<JobInfo[]>> {
    const where = toWhere(of.where);
    if (where.error) return where;
    const values = { ...toList(of), ...where.data };
    const answer = await this.#door.call("list_jobs", values, list(jobRow));
    if (answer.error) return answer;
    return ok(answer.data.map((one) => fromRow(one) as unknown as JobInfo));
  }

  /**
   * Waits until a job has ended.
   *
   * @param options `timeoutMs`: how long at most, without limit by default. `pollMs`: how often it looks.
   * @returns the job, even if it failed or was cancelled. Errors: `request_timeout` if the job has not
   * ended in time.
   *
   * @example
   * const { data: job } = await mayfly.jobs.ended(id, { timeoutMs: 60_000 });
   * console.log(job?.status, job?.result);
   */
  async ended<Output = unknown>(
    id: string,
    {
      timeoutMs = Number.POSITIVE_INFINITY,
      pollMs = 500,
    }: { timeoutMs?: number; pollMs?: number } = {},
  ): Promise<Result<JobDetails<unknown, Output>>> {
    if (!(pollMs > 0)) return failed(invalid("pollMs", "must be more than 0"));
    const over = performance.now() + timeoutMs;
    for (let pause = Math.min(20, pollMs); ; pause = Math.min(pollMs, pause * 2)) {
      const answer = await this.get<unknown, Output>(id);
      if (answer.error && answer.error.code !== "unavailable") return answer;
      if (answer.data && ends.includes(answer.data.status)) return answer;
      if (performance.now() + pause > over) return failed(notEnded(id));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /**
   * Shows the queues: their jobs, their limits, and how long jobs waited and ran in the last `seconds`
   * (3,600 by default).
   */
  async statistics(options: { seconds?: number } = {}): Promise<Result<QueueStatistics[]>> {
    const answer = await this.#door.call("job_statistics", options, list(queueRow));
    if (answer.error) return answer;
    return ok(answer.data.map(toStatistics));
  }

  /**
   * Signals a job. If it waits for the signal it continues, otherwise the signal is kept.
   *
   * @returns `job_unknown`, `job_finished`, `scope_missing` without `job:add`.
   */
  signal(id: string, name: string, payload: unknown = null): Promise<Result<{ woken: boolean }>> {
    return this.#door.call("signal_job", { id: idOf(id), name, payload }, woken);
  }

  /**
   * Cancels jobs with their children. Jobs that are not running end at once. A running job ends when its
   * worker learns of this, at the worker's next write or heartbeat.
   *
   * @returns `scope_missing` if somebody else added one of the jobs and the caller lacks `job:admin`.
   */
  cancel(ids: string | string[]): Promise<Result<{ cancelled: number; cancelling: number }>> {
    return this.#door.call("cancel_jobs", { ids: [ids].flat().map(idOf) }, cancelledJobs);
  }

  /** Makes dead letters ready again, with their steps. Needs `job:admin`. @returns `job_final` if that is futile. */
  redrive(which: DeadJobs = {}): Promise<Result<{ redriven: number }>> {
    return this.#door.call("redrive_jobs", toDead(which), redriven);
  }

  /** Deletes dead letters for good. Needs `job:admin`. */
  discard(which: DeadJobs = {}): Promise<Result<{ discarded: number }>> {
    return this.#door.call("discard_jobs", toDead(which), discarded);
  }

  /**
   * Sets the limits of a queue, replacing the old ones. What you leave out has no limit. Needs `job:admin`.
   *
   * @example
   * await mayfly.jobs.setQueue("mail", { maxRunning: 10, rate: 5 });
   */
  async setQueue(name: string, limits: QueueLimits): Promise<Result<null>> {
    const { paused, maxRunning, maxRunningPerGroup, rate, weight } = limits;
    const values = {
      name,
      ...(paused !== undefined && { paused }),
      ...(maxRunning !== undefined && { max_running: maxRunning }),
      ...(maxRunningPerGroup !== undefined && { max_running_per_group: maxRunningPerGroup }),
      ...(rate !== undefined && { rate }),
      ...(weight !== undefined && { weight }),
    };
    const answer = await this.#door.call("set_queue", values, limitsRow);
    return answer.error ? answer : ok(null);
  }
}

const notEnded = (id: string) =>
  new MayflyError({
    code: "request_timeout",
    message: "The job did not end in time.",
    hint: "It is still running. Wait longer, or look at it again.",
    details: { id },
  });
