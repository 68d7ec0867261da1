import type { Schedule, ScheduleOptions } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { execute, type ProjectOptions, whole, withProject } from "./command.ts";
import { dataOf, Failure, usage } from "./failure.ts";
import { printable } from "./format-values.ts";
import { openProject } from "./project.ts";

type SetOptions = ProjectOptions & {
  input?: string;
  timeZone?: string;
  queue?: string;
  priority?: number;
  catchUp?: ScheduleOptions["catchUp"];
  overlap?: ScheduleOptions["overlap"];
  paused?: boolean;
};

const examples = `
Examples:
  mayfly schedules
  mayfly schedules set nightly "0 3 * * *" summarise --time-zone Europe/Berlin
  mayfly schedules remove nightly`;

export function addSchedules(program: Command): void {
  const schedules = program
    .command("schedules")
    .enablePositionalOptions(false)
    .description("list the schedules, set one, or remove one")
    .addHelpText("after", examples);
  withProject(schedules).action((options: ProjectOptions) =>
    execute(options, async ({ output }) => {
      const { mayfly } = await openProject(options, output);
      const all = dataOf(await mayfly.jobs.schedules.list());
      output.answer({ schedules: all }, () =>
        all.length === 0 ? ["There are no schedules."] : all.map(lineOf),
      );
      return undefined;
    }),
  );
  // The options for the project belong to `schedules`, which accepts them in any place.
  schedules
    .command("set")
    .argument("<name>", "name of the schedule; an existing one is replaced")
    .argument("<cron>", 'such as "0 3 * * *", or @daily')
    .argument("<job>", "name of the job to add")
    .description("add a job at the times of a cron line")
    .option("--input <json>", "input of the job")
    .option("--time-zone <zone>", "time zone of the cron line (default: UTC)")
    .option("--queue <queue>", "queue of the job")
    .option("--priority <number>", "priority of the job", whole(-32_000, 32_000))
    .addOption(
      new Option("--catch-up <what>", "jobs to add for missed times").choices([
        "one",
        "all",
        "none",
      ]),
    )
    .addOption(
      new Option("--overlap <what>", "also add a job while the last one is running").choices([
        "skip",
        "allow",
      ]),
    )
    .option("--paused", "set it, but add no jobs")
    .action((name: string, cron: string, job: string, _: object, command: Command) => {
      const options = command.optsWithGlobals<SetOptions>();
      return execute(options, async ({ output }) => {
        const given = toSchedule(cron, job, options);
        const { mayfly } = await openProject(options, output);
        const schedule = dataOf(await mayfly.jobs.schedules.set(name, given));
        output.answer(schedule, () => [lineOf(schedule)]);
        return undefined;
      });
    });
  schedules
    .command("remove")
    .argument("<name>", "name of the schedule")
    .description("remove a schedule; jobs that it added stay")
    .action((name: string, _: object, command: Command) => {
      const options = command.optsWithGlobals<ProjectOptions>();
      return execute(options, async ({ output }) => {
        const { mayfly } = await openProject(options, output);
        const answer = dataOf(await mayfly.jobs.schedules.delete(name));
        if (!answer.deleted)
          throw new Failure(`There is no schedule ${printable(name)}.`, {
            hint: "See: mayfly schedules",
          });
        output.answer(answer, () => [`The schedule ${printable(name)} was removed.`]);
        return undefined;
      });
    });
}

function toSchedule(cron: string, job: string, options: SetOptions): ScheduleOptions {
  const { timeZone, queue, priority, catchUp, overlap, paused } = options;
  const ofJob = { ...(queue && { queue }), ...(priority !== undefined && { priority }) };
  return {
    cron,
    job,
    options: ofJob,
    ...(options.input !== undefined && { input: parsed(options.input) }),
    ...(timeZone && { timeZone }),
    ...(catchUp && { catchUp }),
    ...(overlap && { overlap }),
    ...(paused && { paused }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usage("--input is not JSON.", `It should look like '{"url":"https://example.com"}'`);
  }
}

const lineOf = ({ name, cron, timeZone, job, nextAt, skipped, error }: Schedule) =>
  [
    printable(name),
    `${printable(cron)} ${printable(timeZone)}`,
    job,
    nextAt ? `next ${nextAt.toISOString()}` : "paused",
    ...(skipped > 0 ? [`skipped ${skipped}`] : []),
    ...(error ? [printable(error)] : []),
  ].join("  ");
