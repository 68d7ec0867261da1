import type { JobDetails, JobInfo, JobStatus, ListJobs, Percentiles } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { AgentNames } from "./agent-names.ts";
import { idOf, jobStatuses, pointTo } from "./arguments.ts";
import { attributesLine, type WhereOption, whereOf, withWhere } from "./attributes.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { duration, printable } from "./format-values.ts";
import { aborted } from "./interruption.ts";
import { addJobKinds } from "./job-kinds.ts";
import { addJobVerbs } from "./jobs-verbs.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions, WhereOption {
  status?: JobStatus;
  queue?: string;
  watch?: boolean;
  queues?: boolean;
  limit: number;
}

const watchMs = 1_000;
/** The holder that stands for the secret key. */
const secretKey = "00000000-0000-0000-0000-000000000000";
const examples = `
Examples:
  mayfly jobs                          the newest jobs
  mayfly jobs --status failed          the dead letters
  mayfly jobs --where customer:acme    those with this attribute
  mayfly jobs 0198f0c2-…               one, with its steps and attempts
  mayfly jobs --queues                 the queues: how many jobs wait, and for how long
  mayfly jobs --watch                  what changes, until Ctrl-C
  mayfly jobs kinds                    what workers have handlers for
  mayfly redrive --queue mail          make the dead letters of a queue ready again
  mayfly schedules                     jobs that are added again and again`;

export function addJobs(program: Command): void {
  const jobs = program
    .command("jobs")
    .enablePositionalOptions(false)
    .argument("[id]", "id of a job to show, with its steps and attempts", idOf("a job"))
    .description("list jobs, or show one")
    .addOption(new Option("--status <status>", "only with this status").choices(jobStatuses))
    .option("--queue <queue>", "only of this queue")
    .option("--queues", "show how many jobs each queue has, and how long they waited and ran")
    .option("--watch", "show each change, until Ctrl-C; with --json, one JSON line for each")
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", examples);
  withProject(withWhere(jobs)).action((id: string | undefined, options: Options) =>
    execute(options, (session) => {
      if (id) return showOne(id, options, session);
      if (options.queues) return showQueues(options, session);
      return options.watch ? watch(options, session) : showAll(options, session);
    }),
  );
  addJobKinds(jobs);
  pointTo(jobs, {
    redrive: "mayfly redrive <id>",
    cancel: "mayfly cancel <id>",
    show: "mayfly jobs <id>",
    list: "mayfly jobs",
  });
  addJobVerbs(program);
}

async function showAll(options: Options, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const jobs = dataOf(await mayfly.jobs.list(filterOf(options)));
  output.answer({ jobs }, () => (jobs.length === 0 ? ["There are no jobs."] : jobs.map(lineOf)));
  return undefined;
}

const filterOf = ({ limit, status, queue, ...options }: Options): ListJobs => ({
  limit,
  ...(status && { status }),
  ...(queue && { queue }),
  ...whereOf(options),
});

async function showQueues(options: Options, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const queues = dataOf(await mayfly.jobs.statistics()).filter(
    ({ queue }) => !options.queue || queue === options.queue,
  );
  const head = ["queue", "ready", "oldest", "running", "later", "ended", "failed", "waited", "ran"];
  const times = ({ p50, p95, p99 }: Percentiles) =>
    p50 === null ? "" : [p50, p95 ?? 0, p99 ?? 0].map(duration).join(" / ");
  output.answer({ queues }, () =>
    queues.length === 0
      ? ["There are no jobs."]
      : output.table(
          head,
          queues.map((one) => [
            one.queue,
            String(one.ready),
            one.oldestReady ? duration(Date.now() - one.oldestReady.getTime()) : "",
            String(one.running),
            String(one.scheduled + one.waiting),
            String(one.succeeded + one.cancelled),
            String(one.failed),
            times(one.wait),
            times(one.run),
          ]),
        ),
  );
  return undefined;
}

const lineOf = (job: JobInfo) =>
  [
    job.id,
    job.status.padEnd(9),
    job.name === job.queue ? job.name : `${job.queue}/${job.name}`,
    `attempt ${job.attempt} of ${job.maxAttempts}`,
    job.startedAt && job.finishedAt
      ? duration(job.finishedAt.getTime() - job.startedAt.getTime())
      : "",
    printable(job.error?.message ?? ""),
    attributesLine(job.attributes),
  ]
    .join("  ")
    .trimEnd();

async function showOne(id: string, options: Options, { output }: Session): Promise<undefined> {
  const project = await openProject(options, output);
  const job = dataOf(await project.mayfly.jobs.get(id));
  const names = new AgentNames(project);
  const holders = [job.holder, ...job.attempts.map(({ holder }) => holder)];
  if (!output.json) await names.learn(holders.map((holder) => holder ?? null));
  const nameOf = (holder: string | null | undefined) =>
    holder
      ? ` by ${holder === secretKey ? "the secret key" : printable(names.of(holder) ?? holder)}`
      : "";
  output.answer(job, () => treeOf(job, output, nameOf));
  return undefined;
}

/**
 * Draws a job as a tree with its input, its attempts, its steps, what the job waits for, and its
 * children.
 */
function treeOf(
  job: JobDetails,
  output: Output,
  nameOf: (holder: string | null | undefined) => string,
): string[] {
  const dim = (text: string) => output.paint("dim", text);
  const json = (value: unknown) => printable(JSON.stringify(value) ?? "").slice(0, 120);
  return [
    lineOf(job),
    `├ input ${dim(json(job.input))}`,
    ...job.attempts.map(
      ({ attempt, holder, error }) =>
        `├ attempt ${attempt}${nameOf(holder)} ${dim(printable(`${error.code}: ${error.message}`))}`,
    ),
    ...job.steps.map(
      ({ name, attempt, ms, result }) =>
        `├ step ${printable(name)} ${dim(`in attempt ${attempt}${ms === null ? "" : `, ${ms} ms`}`)} ${json(result)}`,
    ),
    ...(job.status === "running" ? [`├ runs${nameOf(job.holder)}`] : []),
    ...(job.waitFor ? [`├ waits for ${job.waitFor.map(printable).join(" or ") || "a time"}`] : []),
    ...job.signals.map(({ name }) => `├ signal ${printable(name)} ${dim("kept")}`),
    ...job.children.map(({ id, name, status }) => `├ child ${id} ${name} ${status}`),
    `└ result ${json(job.result)}`,
  ];
}

/** Prints each job whenever its status or attempt changes. */
async function watch(options: Options, { output, interruption }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const seen = new Map<string, string>();
  while (!interruption.signal.aborted) {
    const found = await mayfly.jobs.list(filterOf(options));
    if (found.error) output.problem(found.error.message);
    for (const job of (found.data ?? []).toReversed()) {
      const state = `${job.status} ${job.attempt}`;
      if (seen.get(job.id) === state) continue;
      seen.set(job.id, state);
      output.line(output.json ? JSON.stringify(job) : lineOf(job));
    }
    await Promise.race([
      aborted(interruption.signal),
      new Promise((resolve) => setTimeout(resolve, watchMs)),
    ]);
  }
  return undefined;
}
