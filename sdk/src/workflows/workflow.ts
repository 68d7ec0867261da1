import { invalid } from "../contract/invalid.ts";
import { workflowBounds } from "../contract/work-bounds.ts";
import { withKind } from "../jobs/handler-kind.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import { fit, type JobSchema, unwrap } from "../jobs/kinds.ts";
import { WorkflowRun } from "./run.ts";
import type { Workflow } from "./types.ts";
import { WorkflowContext } from "./workflow-context.ts";

/** Options of a workflow, besides its name, its input and its code. */
export interface WorkflowOptions<Out> {
  /** `"1"` by default. A run keeps the version with which it started. */
  version?: string;
  /** What forms say about it. By default, the description of the input's schema. */
  description?: string;
  /** The schema of its result. */
  result?: JobSchema<Out>;
}

/** The code of a workflow. */
export type WorkflowCode<Input, Out> = (ctx: WorkflowContext, input: Input) => Out | Promise<Out>;

/**
 * Defines a workflow: code of which every step is recorded. If a worker dies, another one continues where
 * the run stopped.
 *
 * @param name may have letters, digits, dots, dashes and underscores.
 * @param input a schema from zod or any other library that supports Standard Schema; null accepts anything.
 *
 * @example
 * const publish = workflow("publish", z.object({ urls: z.array(z.url()) }), async (ctx, input) => {
 *   const pages = await ctx.map("read", input.urls, (url) => ctx.child("summarise", { url }));
 *   const { input: final } = await ctx.approve("Publish?", { pages }, { expiresIn: "30d" });
 *   return ctx.step("post", () => post(final));
 * });
 * const { data: work } = await agent.work(publish.handlers);
 * const { data: run } = await mayfly.workflows.start(publish, { urls });
 */
export function workflow<Taken, Given, Out>(
  name: string,
  input: JobSchema<Taken, Given>,
  code: WorkflowCode<Taken, Out>,
  options?: WorkflowOptions<Out>,
): Workflow<Given, Out>;
export function workflow<Out>(
  name: string,
  input: null,
  // biome-ignore lint/suspicious/noExplicitAny: without a schema the code names the type of its input.
  code: WorkflowCode<any, Out>,
  options?: WorkflowOptions<Out>,
): Workflow<unknown, Out>;
export function workflow(
  name: string,
  input: JobSchema | null,
  code: WorkflowCode<never, unknown>,
  { version = "1", description, result }: WorkflowOptions<unknown> = {},
): Workflow {
  checkNames({ name, version });
  const job = `workflow:${name}:${version}`;
  const schema = input ?? undefined;
  const handler = async (given: unknown, held: HeldJob) => {
    const taken = unwrap(await fit(schema, given, "input"));
    const run = new WorkflowRun(held);
    try {
      const ctx = new WorkflowContext(run);
      // Once the run sleeps, none of its code runs any more, not even a catch or a finally.
      const made = await Promise.race([(async () => code(ctx, taken as never))(), run.asleep]);
      if (held.asleep || !(await run.finish())) return;
      return unwrap(await fit(result, made, "result"));
    } catch (error) {
      await run.fail(error);
      throw error;
    } finally {
      run.end();
    }
  };
  const handlers = { [job]: withKind(handler, { input: schema, description }) };
  return { name, version, job, input: schema, handlers };
}

/**
 * Checks a workflow's name and version, because names of jobs and steps contain them.
 *
 * @internal
 */
export function checkNames(names: { name: string; version: string }): void {
  for (const [field, given] of Object.entries(names)) {
    const most = workflowBounds[field as "name" | "version"];
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(given) || given.length > most)
      throw invalid(field, `must be 1 to ${most} letters, digits, dots, dashes or underscores`);
  }
}
