import type { MayflyError } from "../contract/errors.ts";
import { toOptions } from "../jobs/forms.ts";
import { withKind } from "../jobs/handler-kind.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import { fit, type JobSchema, unwrap } from "../jobs/kinds.ts";
import type { JobHandlers } from "../jobs/local-job.ts";
import { advanced, graphInput } from "./answers.ts";
import { stepFailed } from "./errors.ts";
import { checkGraph } from "./graph-check.ts";
import type { At, Fitting, GivesOf, ResultsOf, StepCode, StepShape } from "./graph-types.ts";
import type { GraphDefinition, GraphStep, Startable } from "./types.ts";
import { checkNames } from "./workflow.ts";

/** Options of a graph, besides its name, its input and its steps. */
export interface GraphOptions<Path extends string = string> {
  /** `"1"` by default. A run keeps the version with which it started. */
  version?: string;
  /** What forms say about it. By default, the description of the input's schema. */
  description?: string;
  /**
   * What a run returns: the result of a step, or a path in that result. By default, the results of all steps
   * that no other step needs.
   */
  result?: Path;
}

/** The result of a run of a graph. */
type OutOf<Steps, Path> = string extends Path
  ? Partial<ResultsOf<Steps>>
  : At<{ [Name in keyof Steps]: GivesOf<Steps[Name]> }, Path> | null;

/** A declared workflow, as {@link graph} returns it. */
export interface Graph<Taken, Given, Steps, Out> extends Startable<Given, Out> {
  readonly graph: GraphDefinition;
  /**
   * Handlers for `agent.work`, `mayfly.jobs.work` and `serveJobs`, with the code of the steps that are not
   * children. Each step is its own job on any worker, with its own attempts.
   */
  handlers(code: StepCode<Taken, Steps>): JobHandlers;
}

/**
 * Declares a workflow as a graph: its steps, what they need, and when they run. Independent steps run at the
 * same time. The database finds the steps that are ready, and no worker is blocked.
 *
 * @param name may have letters, digits, dots, dashes and underscores.
 * @param input a schema from zod or any other library that supports Standard Schema; null accepts anything.
 * @throws `invalid_request` for steps that need each other in a cycle, or for unknown names.
 *
 * @example
 * const digest = graph("digest", z.object({ urls: z.array(z.url()), post: z.boolean() }), {
 *   read: { map: "input.urls", result: z.string() },
 *   join: { needs: ["read"], result: z.string() },
 *   post: { needs: ["join"], when: "$.input.post == true", maxAttempts: 3 },
 * });
 * const handlers = digest.handlers({
 *   read: ({ item }) => fetch(item).then((page) => page.text()),
 *   join: ({ read }) => read.join("\n"),
 *   post: ({ join }) => send(join),
 * });
 * const { data: work } = await agent.work(handlers);
 * const { data: run } = await mayfly.workflows.start(digest, { urls, post: true });
 */
export function graph<
  Taken,
  Given,
  const Steps extends Record<string, StepShape>,
  const Path extends string = string,
>(
  name: string,
  input: JobSchema<Taken, Given> | null,
  steps: Steps & Fitting<Steps>,
  { version = "1", description, result }: GraphOptions<Path> = {},
): Graph<Taken, Given, Steps, OutOf<Steps, Path>> {
  checkNames({ name, version });
  checkGraph(name, version, steps, result);
  const declared: GraphDefinition = {
    steps: Object.fromEntries(Object.entries(steps).map(([step, shape]) => [step, toStep(shape)])),
    ...(result !== undefined && { result }),
  };
  const schema = input ?? undefined;
  const job = `workflow:${name}:${version}`;
  return {
    name,
    version,
    job,
    input: schema,
    graph: declared,
    handlers: (code) => ({
      [job]: withKind((given, held) => goOn(declared, schema, given, held), {
        input: schema,
        description,
      }),
      ...Object.fromEntries(
        Object.entries<StepShape>(steps)
          .filter(([, { child }]) => child === undefined)
          .map(([step, { result: form }]) => [
            `step:${name}:${version}:${step}`,
            async (given: StepJob, held: HeldJob) => {
              const work = code[step as keyof typeof code] as (
                given: object,
                job: HeldJob,
              ) => unknown;
              const made = await work(await seenBy(schema, given, held), held);
              return unwrap(await fit(form, made, "result"));
            },
          ]),
      ),
    }),
  };
}

/** Starts the steps of a run that are ready, and sleeps until one has ended. */
async function goOn(
  declared: GraphDefinition,
  schema: JobSchema | undefined,
  given: unknown,
  { lease, parts }: HeldJob,
): Promise<unknown> {
  unwrap(await fit(schema, given, "input"));
  const answer = await parts.door.call("advance_graph", { lease, graph: declared }, advanced);
  if (answer.error) throw forGood(answer.error);
  const { waiting, failed, result } = answer.data;
  if (waiting) return parts.fallAsleep();
  if (failed) throw stepFailed(failed);
  return result ?? null;
}

/**
 * Makes an `invalid_request` final, because the input will not match in the next attempt either. After other
 * errors, another worker may have the right graph.
 */
const forGood = (error: MayflyError) =>
  error.code === "invalid_request" ? Object.assign(error, { retryable: false }) : error;

/** The input of the job of a step. */
interface StepJob {
  given?: Record<string, unknown>;
  item?: unknown;
  index?: number;
}

async function seenBy(
  schema: JobSchema | undefined,
  { given, ...item }: StepJob,
  { lease, parts }: HeldJob,
): Promise<object> {
  let seen = given;
  if (!seen) {
    const answer = await parts.door.call("read_graph_input", { lease }, graphInput);
    if (answer.error) throw forGood(answer.error);
    seen = answer.data;
  }
  return { ...seen, ...item, input: unwrap(await fit(schema, seen.input, "input")) };
}

function toStep(shape: StepShape): GraphStep {
  const { needs, optional, map, when, result: _, onFailure, child, input, ...options } = shape;
  const given = toOptions(options);
  return {
    ...(needs && needs.length > 0 && { needs: [...needs] }),
    ...(optional && optional.length > 0 && { optional: [...optional] }),
    ...(map !== undefined && { map }),
    ...(when !== undefined && { when }),
    ...(input !== undefined && { input }),
    ...(child !== undefined && { job: typeof child === "string" ? child : child.job }),
    ...(onFailure === "skip" && { on_failure: "skip" }),
    ...(Object.keys(given).length > 0 && { options: given }),
  };
}
