import type { AgentCard, Mayfly, PresentAgent } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf, toFailure, usage } from "./failure.ts";
import { duration, printable } from "./format-values.ts";
import { aborted } from "./interruption.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  all?: boolean;
  watch?: boolean;
  type?: string;
  limit: number;
}

const examples = `
Examples:
  mayfly agents                 list living agents
  mayfly agents --all --json    include ended agents, as JSON
  mayfly agents --watch         show who joins, leaves and changes, until Ctrl-C`;

export function addAgents(program: Command): void {
  const command = program
    .command("agents")
    .description("list living agents")
    .option("--all", "include agents that have ended")
    .option("--watch", "follow who is present; with --json, one JSON line for each change")
    .option("--type <type>", "only of this type")
    .option("--limit <number>", "list at most this many", whole(1, 100_000), 1_000)
    .addHelpText("after", examples);
  withProject(command).action((options: Options) =>
    execute(options, (session) =>
      options.watch ? watch(options, session) : show(options, session),
    ),
  );
}

async function show(options: Options, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const found = options.all
    ? await find(mayfly, options)
    : [...(await find(mayfly, options, "running")), ...(await find(mayfly, options, "suspended"))];
  const agents = found.slice(0, options.limit);
  output.answer({ agents, more: found.length > agents.length }, () => linesOf(agents, output));
  if (found.length > agents.length)
    output.note(`There are more. Use --limit ${options.limit * 10}`);
  return undefined;
}

/**
 * Finds agents. If there are more agents than the limit, it returns more than the limit, so that the
 * output can say so.
 */
async function find(
  mayfly: Mayfly,
  { type, limit }: Options,
  status?: AgentCard["status"],
): Promise<AgentCard[]> {
  const agents: AgentCard[] = [];
  let after: string | null = null;
  do {
    const page: { agents: AgentCard[]; after: string | null } = dataOf(
      await mayfly.agents.find({
        ...(type !== undefined && { type }),
        ...(status && { status }),
        ...(after && { after }),
        limit: Math.min(limit + 1, 100),
      }),
    );
    agents.push(...page.agents);
    after = page.after;
  } while (after && agents.length <= limit);
  return agents;
}

function linesOf(agents: AgentCard[], output: Output): string[] {
  if (agents.length === 0) return ["No agent is alive."];
  const rows = agents.map(({ id, name, type, status, activity, task, secondsLeft }) => [
    id,
    printable(name),
    type,
    status === "running" ? activity : status,
    secondsLeft > 0 ? duration(secondsLeft * 1000) : "",
    printable(task ?? ""),
  ]);
  return output.table(["ID", "NAME", "TYPE", "STATE", "LEFT", "TASK"], rows);
}

type Change = "joined" | "left" | "changed";

async function watch(options: Options, { output, interruption }: Session): Promise<undefined> {
  if (options.all || options.type !== undefined)
    throw usage("--watch shows who is present. It cannot be combined with --all or --type.");
  const { mayfly, tenant } = await openProject(options, output);
  const leave = dataOf(
    await mayfly.agents.watch(
      (_present, { joined, left, changed }) => {
        for (const agent of left) say("left", agent);
        for (const agent of joined) say("joined", agent);
        for (const agent of changed) say("changed", agent);
      },
      { onError: (error) => output.problem(toFailure(error).message) },
    ),
  );
  output.note(`Watching who is present in ${tenant.name}, until Ctrl-C.`);
  await aborted(interruption.signal);
  await leave();
  await mayfly.close();
  return undefined;

  function say(change: Change, agent: PresentAgent): void {
    if (interruption.signal.aborted) return;
    const at = new Date();
    if (output.json) {
      output.line(JSON.stringify({ at, change, agent }));
      return;
    }
    const colour = { joined: "green", left: "red", changed: "cyan" } as const;
    const doing = [agent.status, agent.task].filter(Boolean).map((text) => printable(text ?? ""));
    output.line(
      [
        output.paint("dim", at.toTimeString().slice(0, 8)),
        output.paint(colour[change], change.padEnd(7)),
        printable(agent.name),
        output.paint("dim", doing.join(": ")),
      ]
        .join("  ")
        .trimEnd(),
    );
  }
}
