import type { Checkpoint, GraphDefinition, JobDetails } from "@mayfly/sdk";

/** The progress of a step of a run. */
export interface Standing {
  status: string;
  /** For a map, how many of its items have ended. */
  items: { ended: number; of: number } | null;
  jobs: JobDetails["children"];
  result: unknown;
  ms: number | null;
}

/** The progress of each step, as the checkpoints of the run and the jobs of its steps show it. */
export function standingsOf(
  { steps }: GraphDefinition,
  checkpoints: readonly Checkpoint[],
  { id, children }: Pick<JobDetails, "id" | "children">,
): Map<string, Standing> {
  const recorded = new Map(checkpoints.map((one) => [one.name, one]));
  const jobsOf = new Map<string, JobDetails["children"]>();
  for (const child of children) {
    const step = child.key?.slice(id.length + 1).split("[", 1)[0] ?? "";
    jobsOf.set(step, [...(jobsOf.get(step) ?? []), child]);
  }
  return new Map(
    Object.keys(steps).map((name) => {
      const own = recorded.get(name);
      const begun = recorded.get(`${name}: begun`);
      const jobs = jobsOf.get(name) ?? [];
      const given = (own?.result ?? {}) as { status?: string; result?: unknown; count?: number };
      const count = given.count ?? (begun?.result as { count?: number } | null)?.count;
      const ended = jobs.filter(({ status }) => status === "succeeded" || status === "failed");
      return [
        name,
        {
          status: own ? (given.status ?? "succeeded") : begun ? liveStatus(jobs) : "open",
          items: count === undefined ? null : { ended: own ? count : ended.length, of: count },
          jobs,
          result: count === undefined ? (given.result ?? null) : itemsOf(name, count, recorded),
          ms: own && begun ? own.at.getTime() - begun.at.getTime() : null,
        },
      ];
    }),
  );
}

const most = 1_000;

const itemsOf = (name: string, count: number, recorded: Map<string, Checkpoint>): unknown[] =>
  Array.from({ length: Math.min(count, most) }, (_, at) => {
    const item = recorded.get(`${name}[${at}]`)?.result as { result?: unknown } | undefined;
    return item?.result ?? null;
  });

function liveStatus(jobs: JobDetails["children"]): string {
  const has = (status: string) => jobs.some((job) => job.status === status);
  return ["failed", "running", "cancelled", "waiting", "ready", "scheduled"].find(has) ?? "ready";
}
