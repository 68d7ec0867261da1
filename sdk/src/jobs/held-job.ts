import type { z } from "zod";
import type { Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { observe, traceOf } from "../link/observe.ts";
import { addedJobs, type ClaimedRow, waited } from "./answers.ts";
import { type AttributeChanges, type Attributes, attributesRow } from "./attributes.ts";
import { resultOfChild } from "./child-end.ts";
import type { JobsDoor } from "./door.ts";
import type { Duration } from "./duration.ts";
import { seconds, toJob } from "./forms.ts";
import { type OnStep, StepLog } from "./step-log.ts";
import type { JobOptions } from "./types.ts";

/** Thrown to leave the handler when the job goes to sleep. It is not a failure. */
export class Asleep extends Error {
  override readonly name = "Asleep";
  constructor() {
    super("The job sleeps, and runs again after that. Do not catch this error in your handler.");
  }
}

/** The context of a step's work. */
export interface StepWork {
  /**
   * A key that is the same for each attempt. Send it with each request that has an effect, so that the
   * effect happens only once.
   */
  idempotencyKey: string;
  /** Which attempt of the job this is. */
  attempt: number;
  /** Aborted when the lease is lost or the job is cancelled. */
  signal: AbortSignal;
}

/**
 * The parts of a held job that a workflow uses.
 *
 * @internal
 */
export interface HeldParts {
  door: JobsDoor;
  steps: StepLog;
  told: OnStep;
  /** Call this when the lease has ended because the job waits. */
  fallAsleep(): void;
  /** Call this when the end of the job was recorded together with something else. */
  beOver(): void;
}

/** What ended a wait: a signal with its payload, or the time. */
export type WaitEnd<Payload = unknown> =
  | { signal: string; payload: Payload; timedOut: false }
  | { signal: null; payload: null; timedOut: true };

/**
 * A job that this worker is doing. Every write names its lease, and fails with `lease_lost` after
 * the lease has ended.
 */
export class HeldJob<Input = unknown> {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly input: Input;
  readonly tenantId: string;
  /** If this is above 1, an earlier attempt may have done something that it could not record. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly parentId: string | null;
  readonly key: string | null;
  readonly trace: string | null;
  readonly deadline: Date | null;
  readonly createdAt: Date;
  /** Aborted when the lease is lost or the job is cancelled. Its reason is the error. */
  readonly signal: AbortSignal;
  /** @internal */
  readonly lease: string;
  /** @internal */
  readonly parts: HeldParts;
  /** How the worker calls the database. @internal */
  readonly door: JobsDoor;
  readonly #steps: StepLog;
  readonly #onStep: OnStep;
  #waits = 0;
  #asleep = false;
  #isOver = false;

  /** @internal */
  constructor(door: JobsDoor, given: ClaimedRow, signal: AbortSignal, onStep: OnStep = () => {}) {
    this.door = door;
    this.#onStep = onStep;
    this.lease = given.lease;
    this.id = given.id;
    this.name = given.name;
    this.queue = given.queue;
    this.input = given.input as Input;
    this.tenantId = given.tenant_id;
    this.attempt = given.attempt;
    this.maxAttempts = given.max_attempts;
    this.parentId = given.parent_id ?? null;
    this.key = given.key ?? null;
    this.trace = given.trace ?? null;
    this.deadline = given.deadline ? new Date(given.deadline) : null;
    this.createdAt = new Date(given.created_at);
    this.signal = signal;
    this.#steps = new StepLog(door, given);
    const fallAsleep = () => {
      this.#asleep = true;
    };
    const beOver = () => {
      this.#isOver = true;
    };
    this.parts = { door, steps: this.#steps, told: onStep, fallAsleep, beOver };
  }

  /**
   * Whether the job has gone to sleep. It then runs again later, whatever its handler does now.
   *
   * @internal
   */
  get asleep(): boolean {
    return this.#asleep;
  }

  /**
   * Whether the end of the job is already recorded. The handler's result is then ignored.
   *
   * @internal
   */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Does something once. The result is recorded, and later attempts read this result instead of doing the
   * work again. If the worker dies after the effect but before the result is recorded, the work runs again
   * with the same `idempotencyKey`.
   *
   * @param name unique within the job, and the same for each attempt.
   * @throws what the work throws; a `MayflyError` if the result cannot be recorded (`lease_lost`,
   * `job_cancelled`, `quota_exceeded`). A result over 256 KB is stored as an artifact, and the step reads
   * it from there.
   *
   * @example
   * const page = await job.step("fetch", () => fetch(input.url).then((r) => r.text()));
   */
  async step<T>(name: string, work: (step: StepWork) => T | Promise<T>): Promise<T> {
    this.#check();
    if (this.#steps.isTaken(name)) throw invalid("step", `"${name}" is the name of two steps`);
    const known = await this.#steps.known(name);
    if (known) {
      this.#onStep(name, 0, true);
      return known.result as T;
    }
    this.signal.throwIfAborted();
    const { id, attempt, signal } = this;
    const about = () => ({ kind: "step", name, jobId: id, attempt }) as const;
    return observe(this.door.telemetry, about, async () => {
      const begun = performance.now();
      const result = await work({ idempotencyKey: `${id}/${name}`, attempt, signal });
      const ms = Math.round(performance.now() - begun);
      const recorded = await this.#steps.record({ name, result: result ?? null, ms });
      this.#onStep(name, ms, false);
      return recorded as T;
    });
  }

  /**
   * Sleeps. Meanwhile the worker does other jobs. When the time is over, the handler starts again and skips
   * recorded steps. A sleep of days costs one row.
   */
  async sleep(duration: Duration): Promise<void> {
    await this.#wait([], duration);
  }

  /**
   * Waits for the first of several signals from `mayfly.jobs.signal(id, name, payload)`. A signal that
   * arrived earlier is taken at once. Meanwhile the worker does other jobs.
   *
   * @example
   * const { signal, payload } = await job.waitFor(["paid", "cancelled"], { timeout: "30d" });
   */
  waitFor<Payload = unknown>(
    signals: string | string[],
    { timeout }: { timeout?: Duration } = {},
  ): Promise<WaitEnd<Payload>> {
    return this.#wait([signals].flat(), timeout) as Promise<WaitEnd<Payload>>;
  }

  /**
   * Adds a child of this job, and waits for its end. The child is added only once, however often this job is
   * retried. Cancelling this job also cancels the child.
   *
   * @param name unique within this job. The child has the same name, unless you set `options.name`.
   * @returns the child's result, or the error `job_failed` if the child failed or was cancelled.
   */
  async child<T = unknown>(
    name: string,
    input?: unknown,
    options: JobOptions & { name?: string } = {},
  ): Promise<Result<T>> {
    this.#check();
    const { name: job = name, ...more } = options;
    const added = await this.step(`child: ${name}`, async () => {
      const trace = traceOf(this.door.telemetry);
      const jobs = [toJob({ name: job, input, key: `${this.id}/${name}`, ...trace, ...more })];
      const answer = await this.door.call("add_jobs", { jobs, lease: this.lease }, addedJobs);
      if (answer.error) throw answer.error;
      return answer.data[0]?.id ?? "";
    });
    const { payload } = await this.#wait([`job:${added}`], undefined, `end of ${name}`);
    return resultOfChild<T>(payload, added, name);
  }

  /**
   * Changes the attributes of the job, by which lists find it, and returns all of them. Null removes one, and
   * those that are not named stay.
   *
   * @throws `invalid_request` with the field; `lease_lost`, `job_cancelled`, `quota_exceeded`.
   *
   * @example
   * await job.attributes({ customer: "acme", stage: "paid", hint: null });
   */
  async attributes(changes: AttributeChanges): Promise<Attributes> {
    this.#check();
    const values = { lease: this.lease, changes };
    const answer = await this.door.call("set_job_attributes", values, attributesRow);
    if (answer.error) throw answer.error;
    return answer.data;
  }

  /**
   * Calls a function of the database with the worker's identity.
   *
   * @internal
   */
  call<T>(...given: Parameters<JobsDoor["call"]> & { 2: z.ZodType<T> }): Promise<Result<T>> {
    const [name, values, form] = given;
    return this.door.call<T>(name, values, form as z.ZodType<T>);
  }

  /**
   * The worker's connection, in the tenant of the job.
   *
   * @throws if the worker has none.
   * @internal
   */
  link(): Link {
    const link = this.door.link?.(this.tenantId);
    if (link) return link;
    throw new Error(
      "This worker can only reach its jobs. Give it a tenant to use the job's connection.",
    );
  }

  /**
   * Waits, and records the wait under this name instead of under its number.
   *
   * @internal
   */
  async waitNamed(name: string, signals: string[], timeout?: Duration): Promise<WaitEnd> {
    return this.#wait(signals, timeout, name);
  }

  /** Waits are numbered in order, so each attempt gives them the same numbers. */
  async #wait(signals: string[], timeout: Duration | undefined, name?: string): Promise<WaitEnd> {
    this.#check();
    this.#waits++;
    const step = `wait: ${name ?? this.#waits}`;
    // First record when the wait ends. If every attempt computed this time again, each attempt
    // would wait longer.
    const until =
      timeout === undefined
        ? undefined
        : await this.step(`${step}: until`, () => {
            const length = seconds(timeout);
            if (typeof length !== "number")
              throw invalid("timeout", 'must be like 90, "90s" or "10m"');
            return new Date(Date.now() + length * 1_000).toISOString();
          });
    const known = await this.#steps.known(step);
    const values = { lease: this.lease, step, signals, ...(until && { until }) };
    const answer = known
      ? { data: waited.parse(known.result), error: null }
      : await this.door.call("wait_job", values, waited);
    if (answer.error) throw answer.error;
    const { signal, payload, waiting } = answer.data;
    if (waiting) {
      this.#asleep = true;
      throw new Asleep();
    }
    return signal === undefined
      ? { signal: null, payload: null, timedOut: true }
      : { signal, payload, timedOut: false };
  }

  #check(): void {
    if (this.#asleep) throw new Asleep();
  }
}
