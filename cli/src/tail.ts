import { open } from "node:fs/promises";
import type { LogEvent } from "@mayfly/sdk";
import { type Command, InvalidArgumentError, Option } from "commander";

import { AgentNames } from "./agent-names.ts";
import { execute, list, type ProjectOptions, type Session, withProject } from "./command.ts";
import { dataOf, Failure, toFailure, usage } from "./failure.ts";
import { formats } from "./format.ts";
import { isUuid } from "./format-values.ts";
import { InOrder } from "./in-order.ts";
import { aborted, until } from "./interruption.ts";
import { keyOf, readSince } from "./log.ts";
import { openProject } from "./project.ts";
import { time } from "./recall.ts";
import {
  agentOf,
  categories,
  isWithin,
  type Level,
  levels,
  recordOf,
  type TailRecord,
} from "./records.ts";
import { livingId, ToldRecords, watchDebug } from "./tail-debug.ts";

interface Options extends ProjectOptions {
  agent?: string;
  level: Level;
  category?: string[];
  since?: Date;
  format?: string;
  out?: string;
}

/** Only the file's owner may read it, because what agents do may be private. */
const mode = 0o600;

const examples = `
Levels: basic shows agents that start and end, rights, tasks and errors. detailed (the default) adds memories,
messages, steps and tools. verbose adds decisions, and trace adds thoughts.
Agents report their work only while somebody tails it: see docs/debug.md.

Examples:
  mayfly tail                                  everything from now on, until Ctrl-C
  mayfly tail --since 10m --agent analyst      of one agent, the last ten minutes first
  mayfly tail --category memory --format json | jq -c .subject
  mayfly tail --agent analyst --level trace --category task,tool,thought,error
  mayfly tail --format timeline --out run.txt`;

export function addTail(program: Command): void {
  const command = program
    .command("tail")
    .description("show what happens in the tenant, each event once, until Ctrl-C")
    .option("--agent <agent>", "only of this agent, by id or name")
    .addOption(new Option("--level <level>", "how much").choices([...levels]).default("detailed"))
    .option(
      "--category <words>",
      "agent, memory, …, or categories of debug records: task, step, tool, …",
      categoriesOf,
    )
    .option("--since <time>", "start in the past: 10m, 2h, 1d, or ISO 8601", time)
    .addOption(new Option("--format <format>", "human by default").choices(Object.keys(formats)))
    .option("--out <file>", "append to this file instead of printing")
    .addHelpText("after", examples);
  withProject(command).action((options: Options) =>
    execute(options, (session) => tail(options, session)),
  );
}

function categoriesOf(text: string): string[] {
  const words = list(text);
  if (words.every((word) => categories.includes(word))) return words;
  throw new InvalidArgumentError(`The categories are ${categories.join(", ")}.`);
}

async function tail(options: Options, { output, interruption }: Session): Promise<undefined> {
  const name = options.format ?? (options.json ? "json" : "human");
  if (options.json && name !== "json")
    throw usage("--json means --format json. Use only one of them.");
  const { signal } = interruption;
  const project = await until(signal, openProject(options, output));
  const path = options.out ?? "";
  const file = path === "" ? null : await open(path, "a", mode).catch(unwritten(path));
  const paint = file ? (_style: unknown, text: string) => text : output.paint.bind(output);
  const format = formats[name]?.(paint);
  if (!format) throw usage(`There is no format ${name}.`);
  const wanted = filterOf(options);
  // If no living agent has the name yet, the tail gets the records of all agents, and leaves out other names.
  const agent = options.agent && (await until(signal, livingId(project, options.agent)));
  if (options.agent && !agent)
    output.note(
      isUuid(options.agent)
        ? `The agent ${options.agent} is not alive, so only past events are shown.`
        : `No agent ${options.agent} is alive. It is shown when it starts.`,
    );
  const names = new AgentNames(project);

  /**
   * Shows records. After Ctrl-C, records of the history are no longer shown, but new records still
   * are.
   */
  const show = async (records: TailRecord[], isHistory = true) => {
    for (const record of records) {
      if (isHistory && signal.aborted) return;
      if (!wanted(record)) continue;
      if (file) await file.appendFile(`${format(record)}\n`).catch(unwritten(path));
      else output.line(format(record));
    }
  };
  const onError = (error: unknown) => output.problem(toFailure(error).message);
  const { promise: unshown, reject } = Promise.withResolvers<never>();
  const inOrder = new InOrder((records) => show(records, false).catch(reject));
  const told = new ToldRecords(names, show, inOrder, onError);
  const write = async (events: LogEvent[]) => {
    await names.learn(events.map(agentOf));
    for (const event of events) {
      // Events are shown in the order of the log, with debug records in between.
      await told.showUntil(Date.parse(event.at));
      await show([recordOf(event, names.of(agentOf(event)))]);
    }
  };

  // The watch takes its cursor before the past is read, so that no event is lost between the two. An
  // event that both return is shown only once.
  const earlier = new Set<string>();
  const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>();
  const watching = project.mayfly.log.watch({ onError, followMs: 250 }, async ({ events }) => {
    await caughtUp;
    const fresh = events.filter((event) => !earlier.delete(keyOf(event)));
    await names.learn(fresh.map(agentOf));
    inOrder.add(fresh.map((event) => recordOf(event, names.of(agentOf(event)))));
  });
  const watch = dataOf(await until(signal, watching));
  const debugging = watchDebug(project, { ...options, agent }, onError, told.take);
  try {
    await until(signal, debugging);
    if (options.since) {
      for await (const events of readSince(project, options.since)) {
        for (const event of events) earlier.add(keyOf(event));
        await write(events);
        if (signal.aborted) break;
      }
    }
    told.goLive();
    catchUp();
    const ended = await Promise.race([aborted(signal), watch.ended, unshown]);
    if (ended) throw new Failure(ended.message, { code: ended.code, hint: ended.hint });
  } finally {
    await watch.stop();
    await debugging.then((debug) => debug?.stop(), onError);
    await inOrder.end();
    await project.mayfly.close();
    await file?.close();
  }
  return undefined;
}

const unwritten = (path: string) => (error: unknown) => {
  throw new Failure(`${path} cannot be written: ${toFailure(error).message}`);
};

function filterOf({ agent, category, level }: Options): (record: TailRecord) => boolean {
  return (record) =>
    isWithin(record.level, level) &&
    (category === undefined || category.includes(record.category)) &&
    (agent === undefined || record.agent?.id === agent || record.agent?.name === agent);
}
