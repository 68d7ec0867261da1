/** Numbers about a tenant from the database, as metrics. */
import {
  type Agent,
  type Mayfly,
  MayflyError,
  type Percentiles,
  type QueueStatistics,
  type Result,
  type RunStatistics,
  type Statistics,
} from "@mayfly/sdk";

/** Options of metrics. */
export interface MetricsOptions {
  /**
   * How many seconds back to count the runs, calls and jobs that have ended: an hour (3,600) by
   * default.
   */
  seconds?: number;
  /** Which metrics to read. All by default. Counting memories reads every memory. */
  of?: ("runs" | "queues" | "memory")[];
  /**
   * Added to every measurement, for example `{ tenant: "acme" }` if one process reads the metrics of several
   * tenants.
   */
  attributes?: Record<string, string>;
}

/** One value of a metric. */
export interface Measurement {
  name: MetricName;
  value: number;
  attributes: Record<string, string>;
}

/** The metrics, with units and descriptions. Counts cover the last `seconds`, so they can go down. */
export const definitions = {
  "mayfly.runs": ["{run}", "Runs that are open, and runs that ended in this time"],
  "mayfly.run.duration": ["s", "From start to end of runs"],
  "mayfly.model.calls": ["{call}", "Calls of models"],
  "mayfly.model.tokens": ["{token}", "Tokens of calls of models"],
  "mayfly.model.cost": ["USD", "Cost of calls of models whose price is known"],
  "mayfly.model.duration": ["s", "How long calls of models took"],
  "mayfly.tool.calls": ["{call}", "Calls of tools"],
  "mayfly.tool.duration": ["s", "How long calls of tools took"],
  "mayfly.queue.jobs": ["{job}", "Jobs that are open, and jobs that ended in this time"],
  "mayfly.queue.oldest": ["s", "How long the oldest job has been ready"],
  "mayfly.queue.wait": ["s", "How long jobs waited until they started"],
  "mayfly.queue.duration": ["s", "How long jobs ran"],
  "mayfly.memories": ["{memory}", "Memories that the caller sees"],
  "mayfly.memory.created": ["{memory}", "Memories made in the last hour"],
  "mayfly.memory.size": ["By", "Size of texts, tags and metadata"],
  "mayfly.memory.unembedded": ["{memory}", "Memories without a vector"],
  "mayfly.memory.conflicts": ["{conflict}", "Fields that wait for a person's decision"],
} as const satisfies Record<string, readonly [unit: string, description: string]>;
export type MetricName = keyof typeof definitions;

/**
 * Reads the metrics of `mayfly`'s tenant. The caller needs `run:read`, `job:read` and `memory:read`. Metrics
 * for which the caller lacks the scope are left out. Nothing is written.
 */
export async function readMetrics(
  mayfly: Mayfly | Agent,
  { seconds = 3_600, of = ["runs", "queues", "memory"], attributes = {} }: MetricsOptions = {},
): Promise<Result<Measurement[]>> {
  const parts = await Promise.all([
    of.includes("runs") ? read(mayfly.runs.statistics({ seconds }), ofRuns) : [],
    of.includes("queues") ? read(mayfly.jobs.statistics({ seconds }), ofQueues) : [],
    of.includes("memory") ? read(mayfly.memory.statistics(), ofMemory) : [],
  ]);
  const error = parts.find((part) => part instanceof MayflyError);
  if (error) return { data: null, error };
  const all = (parts as Measurement[][]).flat();
  const data = all.map((one) => ({ ...one, attributes: { ...attributes, ...one.attributes } }));
  return { data, error: null };
}

/** Leaves out what the caller may not read. */
async function read<T>(
  asked: Promise<Result<T>>,
  measured: (given: T) => Measurement[],
): Promise<Measurement[] | MayflyError> {
  const { data, error } = await asked;
  if (!error) return measured(data as T);
  return error.code === "scope_missing" ? [] : error;
}

type Labels = Record<string, string>;
const one = (name: MetricName, value: number, attributes: Labels = {}): Measurement[] => [
  { name, value, attributes },
];

const times = (name: MetricName, { p50, p95, p99 }: Percentiles, attributes: Labels) =>
  Object.entries({ "0.5": p50, "0.95": p95, "0.99": p99 }).flatMap(([quantile, ms]) =>
    // The database rounds to a tenth of a millisecond.
    ms === null ? [] : one(name, Math.round(ms * 10) / 10_000, { ...attributes, quantile }),
  );

const counts = (name: MetricName, by: Record<string, number>, labels: Labels, label = "status") =>
  Object.entries(by).flatMap(([value, n]) => one(name, n, { ...labels, [label]: value }));

const ofRuns = ({ agents, models, tools }: RunStatistics): Measurement[] => [
  ...agents.flatMap(({ agent, byStatus, run }) => [
    ...counts("mayfly.runs", byStatus as Record<string, number>, { agent }),
    ...times("mayfly.run.duration", run, { agent }),
  ]),
  ...models.flatMap(
    ({ provider, model, succeeded, failed, inputTokens, outputTokens, usd, ms }) => {
      const labels = { provider, model };
      const tokens = { input: inputTokens, output: outputTokens };
      return [
        ...counts("mayfly.model.calls", { succeeded, failed }, labels),
        ...counts("mayfly.model.tokens", tokens, labels, "type"),
        ...one("mayfly.model.cost", usd, labels),
        ...times("mayfly.model.duration", ms, labels),
      ];
    },
  ),
  ...tools.flatMap(({ tool, running, succeeded, failed, denied, ms }) => [
    ...counts("mayfly.tool.calls", { running, succeeded, failed, denied }, { tool }),
    ...times("mayfly.tool.duration", ms, { tool }),
  ]),
];

const ofQueues = (queues: QueueStatistics[]): Measurement[] =>
  queues.flatMap(({ queue, oldestReady, wait, run, limits: _, ...by }) => [
    ...counts("mayfly.queue.jobs", by, { queue }),
    ...one("mayfly.queue.oldest", oldestReady ? age(oldestReady) : 0, { queue }),
    ...times("mayfly.queue.wait", wait, { queue }),
    ...times("mayfly.queue.duration", run, { queue }),
  ]);

const age = (since: Date) => Math.max(0, Date.now() - since.getTime()) / 1_000;

const ofMemory = (given: Statistics): Measurement[] => [
  ...counts("mayfly.memories", given.byKind as Record<string, number>, {}, "kind"),
  ...one("mayfly.memory.created", given.lastHour),
  ...one("mayfly.memory.size", given.bytes),
  ...one("mayfly.memory.unembedded", given.withoutVector),
  ...one("mayfly.memory.conflicts", given.conflicts),
];
