import { ok, type Result } from "../contract/errors.ts";
import { observe, traceOf } from "../link/observe.ts";
import { addedJobs } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { toJob } from "./forms.ts";
import type { AddedJob, NewJob } from "./types.ts";

const jobsPerCall = 1_000;

/**
 * Adds jobs in batches. Each batch is added as a whole or not at all. Jobs without a trace of their own
 * continue the current one.
 */
export function addJobs(
  door: JobsDoor,
  tenantId: string | undefined,
  jobs: NewJob[],
): Promise<Result<AddedJob[]>> {
  const [first] = jobs;
  const name = first && jobs.every((job) => job.name === first.name) ? first.name : "jobs";
  const about = () => ({ kind: "add", what: "job", name, tenantId }) as const;
  return observe(door.telemetry, about, async (tell) => {
    const trace = traceOf(door.telemetry);
    const added: AddedJob[] = [];
    for (let at = 0; at < jobs.length || at === 0; at += jobsPerCall) {
      const part = jobs.slice(at, at + jobsPerCall).map((job) => toJob({ ...trace, ...job }));
      const answer = await door.call("add_jobs", { jobs: part }, addedJobs);
      if (answer.error) {
        tell({ error: answer.error });
        return answer;
      }
      added.push(...answer.data);
    }
    if (added[0] && added.length === 1) tell({ id: added[0].id });
    return ok(added);
  });
}
