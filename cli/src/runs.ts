import type { RunDetails, RunInfo, RunStatus } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { idOf, pointTo, runStatuses } from "./arguments.ts";
import { attributesLine, type WhereOption, whereOf, withWhere } from "./attributes.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { count, duration, harmless, printable, shorten } from "./format-values.ts";
import { openProject } from "./project.ts";
import { addVerbs } from "./runs-verbs.ts";

interface ListOptions extends ProjectOptions, WhereOption {
  agent?: string;
  status?: RunStatus;
  watch?: boolean;
  limit: number;
}

const examples = `
Examples:
  mayfly runs                          the newest runs
  mayfly runs --agent analyst          the runs of one agent
  mayfly runs --where customer:acme    those with this attribute
  mayfly runs 0198f0c2-…               one, with its steps, tools, tokens and money
  mayfly runs 0198f0c2-… --watch       its output, as it arrives
  mayfly runs approve 0198f0c2-…       approve the tool call that it waits for
  mayfly runs fork 0198f0c2-… --at 4   again from step 4`;

export function addRuns(program: Command): void {
  const runs = program
    .command("runs")
    .argument("[id]", "id of a run to show, with its steps, tools, tokens and cost", idOf("a run"))
    .description("list runs of agents, or show one")
    .option("--agent <name>", "only of this agent")
    .addOption(new Option("--status <status>", "only with this status").choices(runStatuses))
    .option("--watch", "print the output of one run as it arrives, until it ends")
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", examples)
    // Options after `fork` belong to `fork`.
    .enablePositionalOptions();
  withProject(withWhere(runs)).action((id: string | undefined, options: ListOptions) =>
    execute(options, (session) => {
      if (!id) return list(options, session);
      return options.watch ? watch(id, options, session) : show(id, options, session);
    }),
  );
  addVerbs(runs);
  pointTo(runs, {
    show: "mayfly runs <id>",
    list: "mayfly runs",
    redrive: "mayfly redrive <id>",
  });
}

async function list(options: ListOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { agent, status, limit } = options;
  const runs = dataOf(
    await mayfly.runs.list({
      limit,
      ...(agent && { agent }),
      ...(status && { status }),
      ...whereOf(options),
    }),
  );
  output.answer({ runs }, () => (runs.length === 0 ? ["There are no runs."] : runs.map(lineOf)));
  return undefined;
}

const lineOf = (run: RunInfo) =>
  [
    run.id,
    run.status.padEnd(9),
    run.agent,
    count(run.steps, "step"),
    `${run.inputTokens} + ${run.outputTokens} tokens`,
    `${run.usd.toFixed(6)} USD${run.unpriced > 0 ? ` and ${run.unpriced} without a price` : ""}`,
    duration(run.activeMs),
    run.error ? printable(run.error.message) : "",
    attributesLine(run.attributes),
  ]
    .filter(Boolean)
    .join("  ");

async function show(id: string, options: ListOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const run = dataOf(await mayfly.runs.get(id));
  output.answer(run, () => treeOf(run));
  return undefined;
}

const said = (value: unknown) => shorten(printable(JSON.stringify(value) ?? ""), 200);

function treeOf(run: RunDetails): string[] {
  const steps = [...new Set([...run.calls, ...run.tools].map(({ step }) => step))];
  return [
    lineOf(run),
    `├ asked ${said(run.input)}`,
    ...(run.context ? [`├ recalled ${run.context.memories.length} memories`] : []),
    ...(run.forkedFrom ? [`├ forked from ${run.forkedFrom} at step ${run.forkedAt}`] : []),
    ...steps.flatMap((step) => [
      ...run.calls
        .filter((call) => call.step === step)
        .map(({ provider, model, finish, error, ms, usage, usd }) =>
          [
            `├ ${step} ${printable(`${provider}/${model}`)}`,
            error ? `failed: ${printable(error.message)}` : (finish ?? ""),
            usage ? `${usage.input ?? 0} + ${usage.output ?? 0}` : "",
            usd === undefined ? "" : `${usd.toFixed(6)} USD`,
            duration(ms),
          ]
            .filter(Boolean)
            .join("  "),
        ),
      ...run.tools
        .filter((call) => call.step === step)
        .map(({ tool, status, input, result, error }) =>
          [
            `│  ${printable(tool)}`,
            said(input),
            status,
            error ? printable(error.message) : said(result),
          ].join("  "),
        ),
    ]),
    `└ ${run.output === null ? run.status : said(run.output)}`,
  ];
}

async function watch(
  id: string,
  options: ListOptions,
  { output, interruption }: Session,
): Promise<number | undefined> {
  const { mayfly } = await openProject(options, output);
  let line = "";
  const print = (text: string) => {
    if (text !== "") output.line(harmless(text));
  };
  try {
    for await (const one of mayfly.runs.stream(id, { signal: interruption.signal })) {
      if (output.json) {
        output.line(JSON.stringify(one));
        continue;
      }
      const { type, delta, toolName, input } = one.chunk;
      if (type === "text-delta") line += String(delta);
      if (type === "text-end" || type === "finish") {
        print(line);
        line = "";
      }
      if (type === "tool-input-available") print(`→ ${String(toolName)} ${said(input)}`);
    }
  } finally {
    await mayfly.close();
  }
  const run = dataOf(await mayfly.runs.get(id));
  if (!output.json) print(lineOf(run));
  return run.status === "succeeded" ? undefined : 1;
}
