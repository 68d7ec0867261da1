/** Arguments that name a thing by its id, or choose one of a few words. */
import type { ApprovalStatus, JobStatus, RunStatus } from "@mayfly/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { usage } from "./failure.ts";
import { isUuid } from "./format-values.ts";

/** What commands name by an id, and the command that lists the ids. */
const listings = {
  "a job": "mayfly jobs",
  "a run": "mayfly runs",
  "a workflow's run": "mayfly workflows",
  "an approval": "mayfly approvals",
  "a team": "mayfly teams",
} as const;

export function idOf(thing: keyof typeof listings): (text: string) => string {
  return (text) => {
    if (isUuid(text)) return text;
    throw new InvalidArgumentError(
      `It must be the whole id of ${thing}. To list the ids: ${listings[thing]}`,
    );
  };
}

/** For an argument that may be repeated. */
export function idsOf(thing: keyof typeof listings): (text: string, before: string[]) => string[] {
  const parse = idOf(thing);
  return (text, before = []) => [...before, parse(text)];
}

/** The keys are checked against the type, so that no status is missing. */
const statusesOf = <Status extends string>(all: Record<Status, true>): Status[] =>
  Object.keys(all) as Status[];

export const jobStatuses = statusesOf<JobStatus>({
  scheduled: true,
  ready: true,
  running: true,
  waiting: true,
  succeeded: true,
  failed: true,
  cancelled: true,
});

export const runStatuses = statusesOf<RunStatus>({
  queued: true,
  running: true,
  waiting: true,
  paused: true,
  succeeded: true,
  failed: true,
  cancelled: true,
  max_steps: true,
  max_time: true,
  max_tokens: true,
  max_cost: true,
});

export const approvalStatuses = statusesOf<ApprovalStatus>({
  pending: true,
  approved: true,
  rejected: true,
  expired: true,
  cancelled: true,
});

/**
 * Answers words that people try as subcommands because other commands have them. Each names the
 * command to run instead.
 */
export function pointTo(command: Command, instead: Record<string, string>): void {
  for (const [word, right] of Object.entries(instead))
    command
      .command(word, { hidden: true })
      .argument("[words...]")
      .helpOption(false)
      .allowUnknownOption()
      .action(() => {
        throw usage(`mayfly ${command.name()} has no subcommand ${word}.`, `Use: ${right}`);
      });
}
