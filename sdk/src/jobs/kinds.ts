/**
 * Kinds of jobs with schemas of their inputs and results, which are checked when a job is added,
 * scheduled or done.
 */
import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { withKind } from "./handler-kind.ts";
import type { HeldJob } from "./held-job.ts";
import type { JobHandlers } from "./local-job.ts";
import type { Schedules } from "./schedules.ts";
import type { JobSchema } from "./schema.ts";
import type { AddedJob, JobOptions, JobsAdder, Schedule, ScheduleOptions } from "./types.ts";

export type { JobSchema };

/** The schemas of a kind of job. Without a schema, any input or result is accepted. */
export interface JobKind {
  /** What forms say about it. By default, the description of the input's schema. */
  description?: string;
  input?: JobSchema;
  result?: JobSchema;
}
/** @internal */
export type InOf<Schema> = Schema extends JobSchema<unknown, infer In> ? In : unknown;
/** @internal */
export type OutOf<Schema> = Schema extends JobSchema<infer Out> ? Out : unknown;

/** Handlers of these kinds. Their inputs match the schemas. */
export type KindHandlers<Kinds extends Record<string, JobKind>> = {
  [Name in keyof Kinds]: (
    input: OutOf<Kinds[Name]["input"]>,
    job: HeldJob<OutOf<Kinds[Name]["input"]>>,
  ) => OutOf<Kinds[Name]["result"]> | Promise<OutOf<Kinds[Name]["result"]>>;
};

/** Jobs of defined kinds: see {@link Jobs.define}. */
export class DefinedJobs<Kinds extends Record<string, JobKind>> {
  readonly #jobs: JobsAdder;
  readonly #schedules: Schedules;
  readonly #kinds: Kinds;

  /** @internal */
  constructor(jobs: JobsAdder, schedules: Schedules, kinds: Kinds) {
    this.#jobs = jobs;
    this.#schedules = schedules;
    this.#kinds = kinds;
  }

  /**
   * Adds a job of a kind.
   *
   * @returns `invalid_request` with `details.field`: `name` for a kind that is not defined, or the path in
   * the input that does not match, such as `input.url`; and the errors of {@link Jobs.add}.
   */
  async add<Name extends keyof Kinds & string>(
    name: Name,
    input: InOf<Kinds[Name]["input"]>,
    options: JobOptions = {},
  ): Promise<Result<AddedJob>> {
    const checked = await this.#check(name, input, "name");
    if (checked.error) return checked;
    const added = await this.#jobs.add([{ name, input: checked.data, ...options }]);
    return added.error ? added : ok(added.data[0] as AddedJob);
  }

  /** Sets a schedule for a kind: see {@link Schedules.set}. */
  async schedule(
    name: string,
    schedule: ScheduleOptions & { job: keyof Kinds & string },
  ): Promise<Result<Schedule>> {
    const checked = await this.#check(schedule.job, schedule.input ?? {}, "job");
    if (checked.error) return checked;
    return this.#schedules.set(name, { ...schedule, input: checked.data });
  }

  /**
   * Returns handlers for `work` and `serveJobs`. A job whose input or result does not match fails for good,
   * with the code `invalid_request` and the path.
   */
  handlers(handlers: KindHandlers<Kinds>): JobHandlers {
    return Object.fromEntries(
      Object.entries(this.#kinds).map(([name, { description, input, result }]) => {
        const handler = async (given: unknown, job: HeldJob) => {
          const taken = unwrap(await fit(input, given, "input"));
          return unwrap(
            await fit(result, await handlers[name]?.(taken as never, job as never), "result"),
          );
        };
        return [name, withKind(handler, { input, description })];
      }),
    );
  }

  async #check(name: string, input: unknown, field: string): Promise<Result<unknown>> {
    if (!Object.hasOwn(this.#kinds, name)) {
      const known = Object.keys(this.#kinds).join(", ");
      return failed(invalid(field, `must be a defined job: "${name}" is not one of ${known}`));
    }
    return fit(this.#kinds[name]?.input, input, "input");
  }
}

/**
 * Returns the validated value, or the first error with the path of the wrong field.
 *
 * @internal
 */
export async function fit(
  schema: JobSchema | undefined,
  value: unknown,
  field: string,
): Promise<Result<unknown>> {
  if (!schema) return ok(value);
  const checked = await schema["~standard"].validate(value);
  if (!checked.issues) return ok(checked.value);
  const [first] = checked.issues;
  const path = (first?.path ?? []).map((step) =>
    String(typeof step === "object" ? step.key : step),
  );
  return failed(
    invalid([field, ...path].join("."), `does not match its schema: ${first?.message}`),
  );
}

/**
 * Unwraps a result in a handler. An input or result that does not match now will not match in the next
 * attempt either.
 *
 * @internal
 */
export function unwrap({ data, error }: Result<unknown>): unknown {
  if (error) throw Object.assign(error, { retryable: false });
  return data;
}
