/** The commands that change jobs: `mayfly redrive` and `mayfly cancel`. */
import type { JobInfo, Mayfly } from "@mayfly/sdk";
import type { Command } from "commander";
import { idsOf } from "./arguments.ts";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { dataOf, Failure } from "./failure.ts";
import { count } from "./format-values.ts";
import { openProject } from "./project.ts";

type RedriveOptions = ProjectOptions & { queue?: string };

const exampleOf = (words: string) => `\nExamples:\n  mayfly ${words}`;

export function addJobVerbs(program: Command): void {
  const redriving = program
    .command("redrive")
    .argument("[ids...]", "ids of dead letters (default: all)", idsOf("a job"))
    .description("make failed jobs ready again")
    .option("--queue <queue>", "only of this queue")
    .addHelpText("after", exampleOf("redrive --queue mail"));
  withProject(redriving).action((ids: string[], options: RedriveOptions) =>
    execute(options, (session) => redrive(ids, options, session)),
  );
  const cancelling = program
    .command("cancel")
    .argument("<ids...>", "of jobs", idsOf("a job"))
    .description("cancel jobs with their children")
    .addHelpText("after", exampleOf("cancel 0198f0c2-…"));
  withProject(cancelling).action((ids: string[], options: ProjectOptions) =>
    execute(options, async ({ output }) => {
      const { mayfly } = await openProject(options, output);
      const answer = await cancelJobs(mayfly, ids);
      output.answer(answer, () => [cancelledText(answer)]);
      return undefined;
    }),
  );
}

async function redrive(
  ids: string[],
  options: RedriveOptions,
  { output }: Session,
): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { queue } = options;
  for (const job of await findJobs(mayfly, ids)) {
    const isElsewhere = queue !== undefined && job.queue !== queue;
    if (job.status === "failed" && !isElsewhere) continue;
    const state = isElsewhere ? `in the queue ${job.queue}` : job.status;
    throw new Failure(
      `The job ${job.id} is ${state}, so it cannot be redriven. Nothing was changed.`,
      { hint: "To list the jobs that can: mayfly jobs --status failed" },
    );
  }
  const which = { ...(ids.length > 0 && { ids }), ...(queue && { queue }) };
  const answer = dataOf(await mayfly.jobs.redrive(which));
  output.answer(answer, () => [
    answer.redriven === 0
      ? `There are no dead letters${queue ? ` in the queue ${queue}` : ""} to redrive.`
      : `${count(answer.redriven, "job is", "jobs are")} ready again.`,
  ]);
  return undefined;
}

export interface Cancelled {
  cancelled: number;
  cancelling: number;
}

/** Cancels jobs. Fails if there is no job with one of these ids. */
export async function cancelJobs(mayfly: Mayfly, ids: string[]): Promise<Cancelled> {
  await findJobs(mayfly, ids);
  return dataOf(await mayfly.jobs.cancel(ids));
}

export const cancelledText = ({ cancelled, cancelling }: Cancelled): string =>
  cancelled + cancelling === 0
    ? "Nothing was left to cancel: this work had already ended."
    : `${count(cancelled, "job")} cancelled; ${cancelling} running and notified.`;

/** How many jobs one call lists. */
const atOnce = 1_000;

async function findJobs(mayfly: Mayfly, ids: string[]): Promise<JobInfo[]> {
  const found: JobInfo[] = [];
  for (let at = 0; at < ids.length; at += atOnce)
    found.push(
      ...dataOf(await mayfly.jobs.list({ ids: ids.slice(at, at + atOnce), limit: atOnce })),
    );
  const known = new Set(found.map(({ id }) => id));
  const missing = ids.find((id) => !known.has(id.toLowerCase()));
  if (missing === undefined) return found;
  throw new Failure(`There is no job ${missing}. Nothing was changed.`, {
    code: "job_unknown",
    hint: "To list jobs: mayfly jobs",
  });
}
