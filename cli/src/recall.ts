import type { RecalledMemory, RecallOptions } from "@mayfly/sdk";
import { DEV_EMBEDDING_MODEL } from "@mayfly/sdk/contract/development-embedder";
import { type MemoryKind, memoryKind } from "@mayfly/sdk/contract/schemas";
import { type Command, InvalidArgumentError } from "commander";
import { agentIdOf } from "./agent-names.ts";
import {
  execute,
  list,
  type ProjectOptions,
  type Session,
  share,
  whole,
  withProject,
} from "./command.ts";
import { dataOf } from "./failure.ts";
import { duration, instant, printable, shorten } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";
import { explainPlace, explainQuestion } from "./recall-explain.ts";

interface Options extends ProjectOptions {
  limit: number;
  kinds?: MemoryKind[];
  tags?: string[];
  minReward?: number;
  agent?: string;
  since?: Date;
  explain?: boolean;
}

/** An output on its own line is cut to this length. */
const excerpt = 300;

const examples = `
Examples:
  mayfly recall "how do we rotate the signing key?"
  mayfly recall "rotate the key" --limit 3 --kinds episode,learning --min-reward 0.8
  mayfly recall "rotate the key" --explain
  mayfly recall keys --since 2d --json | jq -r '.results[].output'`;

export function addRecall(program: Command): void {
  const command = program
    .command("recall")
    .description("find what the tenant's agents learned about a question")
    .argument("<query>", "words, or a question", words)
    .option("--limit <number>", "1 to 100", whole(1, 100), 10)
    .option("--kinds <kinds>", "episode, learning, fact, …, separated by commas", kinds)
    .option("--tags <tags>", "must have all of these, separated by commas", list)
    .option("--min-reward <number>", "0 to 1", share)
    .option("--agent <agent>", "only from this agent: an id or a name")
    .option("--since <time>", "10m, 2h, 1d, or ISO 8601", time)
    .option("--explain", "explain the rank of each result")
    .addHelpText("after", examples);
  withProject(command).action((query: string, options: Options) =>
    execute(options, (session) => recall(query, options, session)),
  );
}

export function time(text: string): Date {
  const at = instant(text);
  if (at) return at;
  throw new InvalidArgumentError("It must be like 90s, 10m, 2h, 1d, or 2026-01-31T12:00:00Z.");
}

function words(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("It must have words.");
}

function kinds(text: string): MemoryKind[] {
  return list(text).map(kind);
}

/** Parses a kind of memory. */
export function kind(text: string): MemoryKind {
  const { data } = memoryKind.safeParse(text);
  if (data) return data;
  throw new InvalidArgumentError(`The kinds are ${memoryKind.options.join(", ")}.`);
}

async function recall(query: string, options: Options, { output }: Session): Promise<undefined> {
  const { limit, kinds, tags, minReward, agent, since, explain } = options;
  const project = await openProject(options, output);
  const { mayfly } = project;
  const asked: RecallOptions = {
    limit,
    ...(kinds && { kinds }),
    ...(tags && { tags }),
    ...(minReward !== undefined && { minReward }),
    ...(agent !== undefined && { agentId: await agentIdOf(project, agent) }),
    ...(since && { since }),
    ...(explain && { explain }),
  };
  const found = dataOf(await mayfly.memory.recall(query, asked));
  output.answer(found, () => [
    ...(found.results.length === 0 ? ["No memory matches."] : []),
    ...(explain ? explainQuestion(found) : []),
    ...found.results.flatMap((memory) => [
      ...linesOf(memory, output),
      ...(explain ? explainPlace(memory, output) : []),
    ]),
  ]);
  if (found.mode !== "hybrid") output.note(`By words only: ${found.problem}.`);
  else if (found.model === DEV_EMBEDDING_MODEL)
    output.note(`By meaning with ${found.model}, which is for development only.`);
  const { searched } = found;
  if (found.mode === "hybrid" && searched && searched.withVector < searched.memories)
    output.note(
      `${searched.exact ? "" : "About "}${searched.withVector} of ${searched.memories} memories have a vector of this model. The others are found by words only.`,
    );
  return undefined;
}

function linesOf(memory: RecalledMemory, output: Output): string[] {
  const { score, task, output: learned, kind, reward, agentName, agentId, createdAt } = memory;
  const about = [
    kind,
    ...(reward === null ? [] : [`reward ${reward}`]),
    `${agentName ? printable(agentName) : (agentId ?? "nobody")}, ${duration(Date.now() - createdAt.getTime())} ago`,
    memory.id,
  ];
  const text = printable(learned || memory.input);
  return [
    `${output.paint("green", score.toFixed(3))}  ${output.paint("bold", printable(task) || "(without a task)")}`,
    ...(text ? [`       ${shorten(text, excerpt)}`] : []),
    `       ${output.paint("dim", about.join(" · "))}`,
  ];
}
