/** The verbs for one run: `mayfly runs cancel`, `approve`, `reject`, `fork`, `replay`. */
import type { Mayfly } from "@mayfly/sdk";
import type { Command } from "commander";
import { idOf } from "./arguments.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf, Failure } from "./failure.ts";
import { count, harmless, printable } from "./format-values.ts";
import { openProject } from "./project.ts";

type Work<Options> = (
  mayfly: Mayfly,
  id: string,
  options: Options,
  session: Session,
) => Promise<undefined>;

export function addVerbs(runs: Command): void {
  const verb = <Options extends ProjectOptions>(
    name: string,
    description: string,
    example: string,
    work: Work<Options>,
  ) => {
    const command = runs
      .command(name)
      .argument("<id>", "id of a run", idOf("a run"))
      .description(description)
      .addHelpText("after", `\nExamples:\n  mayfly runs ${example}`);
    withProject(command).action((id: string, options: Options) =>
      execute(options, async (session) => {
        const { mayfly } = await openProject(options, session.output);
        return work(mayfly, id, options, session);
      }),
    );
    return command;
  };
  verb("cancel", "cancel it, with the runs that it waits for", "cancel 0198f0c2-…", cancel);
  verb<DecideOptions>(
    "approve",
    "approve the tool call that it waits for",
    `approve 0198f0c2-… --reason "Checked the order"`,
    (...given) => decide("approve", ...given),
  ).option("--reason <text>", "reason, which the requester sees");
  verb<DecideOptions>(
    "reject",
    "reject the tool call that it waits for",
    `reject 0198f0c2-… --reason "Too much"`,
    (...given) => decide("reject", ...given),
  ).option("--reason <text>", "reason, which the requester sees");
  verb<ForkOptions>(
    "fork",
    "start a run that shares the first steps of this one",
    `fork 0198f0c2-… --at 4 --input "Look at the logs"`,
    fork,
  )
    .requiredOption("--at <step>", "the first step to run again", whole(1, 10_000))
    .option("--input <text>", "a message at that step");
  verb("replay", "replay it, without calling any model or tool", "replay 0198f0c2-…", replay);
}

interface DecideOptions extends ProjectOptions {
  reason?: string;
}
interface ForkOptions extends ProjectOptions {
  at: number;
  input?: string;
}

async function cancel(
  mayfly: Mayfly,
  id: string,
  _options: ProjectOptions,
  { output }: Session,
): Promise<undefined> {
  dataOf(await mayfly.runs.get(id));
  const done = dataOf(await mayfly.runs.cancel(id));
  if (done.cancelled + done.cancelling === 0)
    output.answer(done, () => ["Nothing was left to cancel: this run had already ended."]);
  else
    output.answer(done, () => [
      `${count(done.cancelled, "run")} cancelled${
        done.cancelling > 0 ? `; ${count(done.cancelling, "more ends", "more end")} soon` : ""
      }.`,
    ]);
  return undefined;
}

/**
 * Decides each approval by its digest. If an approval has changed in the meantime, the decision is
 * refused.
 */
async function decide(
  verdict: "approve" | "reject",
  mayfly: Mayfly,
  id: string,
  { reason }: DecideOptions,
  { output }: Session,
): Promise<undefined> {
  const pending = dataOf(await mayfly.approvals.list({ status: "pending", limit: 1_000 }));
  const [asked, another] = pending.filter(({ jobId }) => jobId === id);
  if (!asked) dataOf(await mayfly.runs.get(id));
  if (!asked)
    throw new Failure("This run waits for no approval.", { hint: `See: mayfly runs ${id}` });
  if (another)
    throw new Failure("This run waits for several approvals.", {
      hint: `Decide each by its id: mayfly approvals, then mayfly ${verdict} <id>`,
    });
  const decided = dataOf(await mayfly.approvals[verdict](asked, reason ? { reason } : {}));
  output.answer(decided, () => [
    `${printable(asked.title)} ${printable(JSON.stringify(asked.input))} is ${decided.status}.`,
  ]);
  return undefined;
}

async function fork(
  mayfly: Mayfly,
  id: string,
  { at, input }: ForkOptions,
  { output }: Session,
): Promise<undefined> {
  const made = dataOf(await mayfly.runs.fork(id, { atStep: at, ...(input && { input }) }));
  output.answer({ id: made.id }, () => [`${made.id} starts at step ${at}.`]);
  return undefined;
}

async function replay(
  mayfly: Mayfly,
  id: string,
  _options: ProjectOptions,
  { output }: Session,
): Promise<undefined> {
  const replayed = dataOf(await mayfly.runs.replay(id));
  output.answer(replayed, () => [
    ...harmless(replayed.text).split("\n"),
    `${count(replayed.steps, "step")} replayed; no model was called.`,
  ]);
  return undefined;
}
