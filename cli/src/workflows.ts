import type { Checkpoint, JobStatus, WorkflowInfo, WorkflowQuery } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { idOf, jobStatuses, pointTo } from "./arguments.ts";
import { attributesLine, type WhereOption, whereOf, withWhere } from "./attributes.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf, Failure, usage } from "./failure.ts";
import { count, duration, isUuid, printable } from "./format-values.ts";
import { cancelJobs, cancelledText } from "./jobs-verbs.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";
import { drawGraph, drawRun, listGraph } from "./workflow-drawing.ts";

type ListOptions = ProjectOptions &
  WhereOption & { name?: string; status?: JobStatus; limit: number };
type ShowOptions = ProjectOptions & { mermaid?: boolean; of?: string };
type MoveOptions = ProjectOptions & { to: string; rename: string[]; forget: string[] };

const examples = `
Examples:
  mayfly workflows --status waiting
  mayfly workflows --where customer:acme       those with this attribute
  mayfly workflows show 0198f0c2-…             what it has recorded, and what it waits for
  mayfly workflows show 0198f0c2-… --mermaid   the same as a diagram
  mayfly workflows show digest --mermaid       a workflow that is declared as a graph
  mayfly workflows graphs
  mayfly workflows signal 0198f0c2-… stop
  mayfly workflows move 0198f0c2-… --to 2 --rename pay=charge`;

const several = (value: string, before: string[]) => [...before, value];

export function addWorkflows(program: Command): void {
  const workflows = program
    .command("workflows")
    .enablePositionalOptions(false)
    .description("list runs of workflows; show, signal, cancel or move one")
    .option("--name <name>", "only of this workflow")
    .addOption(new Option("--status <status>", "only with this status").choices(jobStatuses))
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", examples);
  withProject(withWhere(workflows)).action((options: ListOptions) =>
    execute(options, (session) => list(options, session)),
  );
  // The options for the project belong to `workflows`, which accepts them in any place.
  const one = <Options extends ProjectOptions>(
    name: string,
    about: string,
    act: (id: string, options: Options, session: Session, more: string[]) => Promise<undefined>,
    parse: (text: string) => string = idOf("a workflow's run"),
  ) =>
    workflows
      .command(name)
      .argument("<id>", "id of a run", parse)
      .description(about)
      .action((id: string, ...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const options = command.optsWithGlobals<Options>();
        const more = given.slice(0, -2).filter((word) => typeof word === "string");
        return execute(options, (session) => act(id, options, session, more));
      });
  one<ShowOptions>(
    "show",
    "show what a run has recorded and waits for; or a graph, by its name",
    (id, options, session) =>
      isUuid(id) ? show(id, options, session) : showGraph(id, options, session),
    String,
  )
    .option("--mermaid", "print a Mermaid diagram")
    .option("--of <version>", "version of the graph (default: the last one)");
  workflows
    .command("graphs")
    .description("list the workflows that are declared as graphs")
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ProjectOptions>();
      return execute(options, (session) => listGraphs(options, session));
    });
  one<ProjectOptions & { payload?: string }>("signal", "send a run a signal", signal)
    .argument("<name>", "name of the signal")
    .option("--payload <json>", "payload of the signal");
  one<ProjectOptions>("cancel", "cancel a run with its children", async (id, options, session) => {
    const { mayfly } = await openProject(options, session.output);
    const answer = await cancelJobs(mayfly, [id]);
    session.output.answer(answer, () => [cancelledText(answer)]);
    return undefined;
  });
  one<MoveOptions>("move", "move a run to another version of its workflow", move)
    .requiredOption("--to <version>", "the version")
    .option("--rename <old=new>", "old=new name of a recorded step; can be repeated", several, [])
    .option("--forget <step>", "a recorded step to do again; can be repeated", several, []);
  pointTo(workflows, { list: "mayfly workflows", redrive: "mayfly redrive <id>" });
}

async function list(options: ListOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { name, status, limit } = options;
  const found = await mayfly.workflows.list({
    limit,
    ...(name && { name }),
    ...(status && { status }),
    ...whereOf(options),
  });
  const runs = dataOf(found);
  output.answer({ runs }, () => (runs.length === 0 ? ["There are no runs."] : runs.map(lineOf)));
  return undefined;
}

const lineOf = (run: WorkflowInfo) =>
  [
    run.id,
    run.status.padEnd(9),
    `${run.name} ${run.version}`,
    `for ${duration((run.finishedAt ?? new Date()).getTime() - run.createdAt.getTime())}`,
    run.waitsFor ? `waits for ${waitOf(run)}` : "",
    printable(run.error?.message ?? ""),
    attributesLine(run.attributes),
  ]
    .filter(Boolean)
    .join("  ");

const waitOf = ({ waitsFor = [], wakesAt }: WorkflowInfo) =>
  [...waitsFor.map(printable), ...(wakesAt ? [wakesAt.toISOString()] : [])].join(" or ");

async function listGraphs(options: ProjectOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const graphs = dataOf(await mayfly.workflows.graphs.list());
  output.answer({ graphs }, () =>
    graphs.length === 0
      ? ["There are no graphs."]
      : graphs.map(({ name, version, steps }) => `${name} ${version}  ${count(steps, "step")}`),
  );
  return undefined;
}

async function showGraph(
  name: string,
  options: ShowOptions,
  { output }: Session,
): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const found = await mayfly.workflows.graphs.get(name, options.of);
  if (found.error?.code === "workflow_unknown")
    throw new Failure(
      `There is no graph ${printable(name)}${options.of ? ` ${printable(options.of)}` : ""}.`,
      { code: found.error.code, hint: "To list graphs: mayfly workflows graphs" },
    );
  const shown = dataOf(found);
  output.answer(shown, () =>
    options.mermaid
      ? drawGraph(shown.graph)
      : [`${shown.name} ${shown.version}`, ...listGraph(shown.graph)],
  );
  return undefined;
}

async function show(id: string, options: ShowOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const run = dataOf(await mayfly.workflows.query(id));
  const checkpoints: Checkpoint[] = [];
  for (let more = true; more; ) {
    const after = checkpoints.at(-1)?.seq;
    const page = dataOf(await mayfly.workflows.history(id, after === undefined ? {} : { after }));
    checkpoints.push(...page.checkpoints);
    more = page.more && page.checkpoints.length > 0;
  }
  const isGraph = checkpoints.some(({ kind }) => kind === "begun");
  const graph =
    options.mermaid && isGraph ? await mayfly.workflows.graphs.get(run.name, run.version) : null;
  output.answer({ ...run, checkpoints }, () => {
    if (!options.mermaid) return treeOf(run, checkpoints, output);
    return graph?.data ? drawGraph(graph.data.graph, checkpoints) : drawRun(run, checkpoints);
  });
  return undefined;
}

function treeOf(run: WorkflowQuery, checkpoints: Checkpoint[], output: Output): string[] {
  const dim = (text: string) => output.paint("dim", text);
  const json = (value: unknown) => printable(JSON.stringify(value) ?? "").slice(0, 120);
  const children = Object.entries(run.children).map(([status, n]) => `${n} ${status}`);
  return [
    lineOf(run),
    `├ input ${dim(json(run.input))}`,
    ...checkpoints
      .filter(({ kind }) => !["timer", "asked", "begun", "report"].includes(kind))
      .map(({ seq, name, attempt, ms, result }) => {
        const how = `${seq}, in attempt ${attempt}${ms === null ? "" : `, ${ms} ms`}`;
        return `├ ${printable(name)} ${dim(how)} ${json(result)}`;
      }),
    ...(children.length > 0 ? [`├ children ${children.join(", ")}`] : []),
    ...run.approvals.map((asked) => `├ asks ${asked.id} ${printable(asked.title)}`),
    ...(run.report === null ? [] : [`├ reports ${json(run.report)}`]),
    `└ result ${json(run.result)}`,
  ];
}

async function signal(
  id: string,
  options: ProjectOptions & { payload?: string },
  { output }: Session,
  [name = ""]: string[],
): Promise<undefined> {
  const { payload } = options;
  const { mayfly } = await openProject(options, output);
  const answer = dataOf(
    await mayfly.workflows.signal(id, name, payload === undefined ? null : parsed(payload)),
  );
  output.answer(answer, () => [
    answer.woken
      ? "The run continues."
      : "The signal is kept, because the run does not wait for it now.",
  ]);
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw usage(`--payload is not JSON: ${(error as Error).message}`);
  }
}

async function move(id: string, options: MoveOptions, { output }: Session): Promise<undefined> {
  const { to: version, forget } = options;
  const rename: Record<string, string> = {};
  for (const pair of options.rename) {
    const at = pair.indexOf("=");
    if (at < 1) throw usage("--rename must look like pay=charge.");
    rename[pair.slice(0, at)] = pair.slice(at + 1);
  }
  const { mayfly } = await openProject(options, output);
  const moved = dataOf(
    await mayfly.workflows.move(id, {
      version,
      ...(options.rename.length > 0 && { rename }),
      ...(forget.length > 0 && { forget }),
    }),
  );
  output.answer(moved, () => [
    `${moved.id} is now a run of ${moved.name} ${moved.version} instead of ${moved.from}.`,
  ]);
  return undefined;
}
