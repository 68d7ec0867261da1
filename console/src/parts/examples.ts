/** Inputs that are known to fit a job, to begin the form of a new job with. */
import type { GraphDefinition, PublishedKind, PublishedKindDetails } from "@mayfly/sdk";
import type { Space } from "../live/space.ts";
import { kindOf } from "./field-values.ts";
import { useLoaded } from "./loaded.tsx";
import { shapeOf, shapeOfSchema } from "./shape.ts";
import { oneLine } from "./text.ts";
import type { InputSource } from "./use-input.ts";

export interface Example {
  input: unknown;
  /** Where it comes from. */
  from: string;
}

/** What is known about the input of jobs of a name. */
export interface Known {
  /** What a worker published about them. */
  kind: PublishedKindDetails | null;
  example: Example | null;
}

const nothing: Known = { kind: null, example: null };

/** What is known about the input of jobs of this name. `nothing` until it is loaded. */
export function useKnown(space: Space, name: string, example = exampleOf): Known {
  const { data } = useLoaded<Known & { name: string }>(async () => {
    if (!name) return { data: { name, ...nothing }, error: null };
    const asked = [space.mayfly.jobs.kinds.get(name), example(space, name)] as const;
    const [{ data: kind }, found] = await Promise.all(asked);
    return { data: { name, kind, example: found }, error: null };
  }, [name]);
  return data?.name === name ? data : nothing;
}

/**
 * Where the fields for jobs of this name come from: the schema that a worker published, or else an input
 * that is known to fit.
 */
export function sourceOf(name: string, { kind, example }: Known): InputSource {
  const schema = kind?.inputSchema;
  if (!schema) return { of: name, shape: shapeOf(example?.input), hint: example?.from ?? "" };
  const made = shapeOfSchema(schema);
  const shape = made && kindOf(made, true) !== "json" ? made : null;
  const last = example && { value: example.input, from: example.from };
  return {
    of: name,
    shape,
    schema,
    hint: "as its worker describes it",
    // Without fields, the last input is what the JSON begins with.
    ...(shape ? { example: last } : { template: last }),
  };
}

/** The kinds that workers have published, of one type. Empty until they are loaded, and with an older server. */
export function useKinds({ mayfly }: Space, type: PublishedKind["type"]): PublishedKind[] {
  const { data } = useLoaded(() => mayfly.jobs.kinds.list(), []);
  return (data ?? []).filter((kind) => kind.type === type);
}

/**
 * The input of the newest job of this name. If there is none, that of the newest run of another
 * version of the workflow, or that of a schedule that adds such jobs.
 */
export const useExample = (space: Space, name: string): Example | null =>
  useLoaded<Example | null>(
    async () => ({ data: name ? await exampleOf(space, name) : null, error: null }),
    [name],
  ).data;

async function exampleOf({ mayfly }: Space, name: string): Promise<Example | null> {
  const { jobs, workflows } = mayfly;
  const [last] = (await jobs.list({ name, limit: 1 })).data ?? [];
  const job = last && (await jobs.get(last.id)).data;
  if (job) return { input: job.input, from: "as in the last job of this name" };
  const [, workflow] = /^workflow:([^:]+):/.exec(name) ?? [];
  if (workflow) {
    const [other] = (await workflows.list({ name: workflow, limit: 1 })).data ?? [];
    const run = other && (await workflows.query(other.id)).data;
    if (run)
      return { input: run.input, from: `as in a run of version ${oneLine(run.version, 20)}` };
  }
  const schedule = ((await jobs.schedules.list()).data ?? []).find(({ job }) => job === name);
  if (!schedule || schedule.input === null) return null;
  return { input: schedule.input, from: `as in the schedule ${oneLine(schedule.name, 40)}` };
}

/**
 * The parts of the input that the steps of a graph name, each empty: `input.urls` in `map` is a list.
 * Null if they name none. The form begins with them if no worker has published a schema.
 */
export function inputOf({ steps }: GraphDefinition): Record<string, unknown> | null {
  const input: Record<string, unknown> = {};
  const put = (path: string, value: unknown) => {
    const [first, ...names] = path.split(".");
    const last = names.pop();
    if (first !== "input" || last === undefined) return;
    let inside = input;
    for (const name of names) {
      const next = Object.hasOwn(inside, name) ? inside[name] : null;
      const object = next !== null && typeof next === "object" && !Array.isArray(next) ? next : {};
      inside[name] = object;
      inside = object as Record<string, unknown>;
    }
    if (!Object.hasOwn(inside, last) || inside[last] === null) inside[last] = value;
  };
  for (const { map, when, input: from } of Object.values(steps)) {
    if (map) put(map, []);
    if (from) put(from, null);
    for (const [path] of when?.matchAll(/(?<=\$\s*\.\s*)input(\.[A-Za-z_][\w-]*)+/g) ?? [])
      put(path, null);
  }
  return Object.keys(input).length > 0 ? input : null;
}
