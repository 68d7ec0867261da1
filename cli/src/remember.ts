import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { NewMemory } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, list, type ProjectOptions, type Session, share, withProject } from "./command.ts";
import { dataOf, usage } from "./failure.ts";
import { count } from "./format-values.ts";
import { openProject } from "./project.ts";
import { kind } from "./recall.ts";

interface Options extends ProjectOptions {
  as?: string;
  task?: string;
  kind?: NonNullable<NewMemory["kind"]>;
  tags?: string[];
  reward?: number;
  allowDuplicate?: boolean;
  file?: string;
}

/** The most memories that one push accepts. */
const most = 1_000;
const examples = `
A file has one memory per line, as JSON: { "task": …, "output": …, "key": …, "tags": […] }.

Examples:
  mayfly remember "Import the key, wait for the caches, then rotate." --task "Rotate the signing key"
  mayfly remember 5432 --as port --kind fact --task "port of the database"
  mayfly remember --file memories.jsonl
  grep -h decided notes/*.jsonl | mayfly remember --file -`;

export function addRemember(program: Command): void {
  const command = program
    .command("remember")
    .description("store a memory for the tenant's agents")
    .argument("[text]", "what was learned")
    .option("--as <key>", "your own key: a memory with this key is changed")
    .option("--task <text>", "what it is about")
    .option("--kind <kind>", "episode, learning, fact, …; episode by default", kind)
    .option("--tags <tags>", "separated by commas", list)
    .option("--reward <number>", "how well it went, 0 to 1", share)
    .option("--allow-duplicate", "store it even if the tenant has identical content")
    .option("--file <path>", "a file with one JSON memory per line; - reads standard input")
    .addHelpText("after", examples);
  withProject(command).action((text: string | undefined, options: Options) =>
    execute(options, (session) => remember(text, options, session)),
  );
}

async function remember(text: string | undefined, options: Options, { output }: Session) {
  const { file, allowDuplicate } = options;
  const given = file === undefined ? [memoryOf(text, options)] : await readMemories(file);
  const memories = given.map((memory) => ({
    ...memory,
    ...(allowDuplicate && { allowDuplicate }),
  }));
  const { mayfly } = await openProject(options, output);
  const stored: { id: string; status: "stored" | "changed" | "duplicate" }[] = [];
  for (let at = 0; at < memories.length; at += most) {
    stored.push(...dataOf(await mayfly.memory.remember(memories.slice(at, at + most))));
  }
  const of = (status: string) => stored.filter((one) => one.status === status).length;
  output.answer({ memories: stored }, () => {
    const [only] = stored;
    const told = [
      `${count(of("stored"), "memory", "memories")} stored`,
      ...(of("changed") > 0 ? [`${of("changed")} changed by their keys`] : []),
      ...(of("duplicate") > 0 ? [`${of("duplicate")} known already`] : []),
    ].join(", ");
    return [`${told}.`, ...(stored.length === 1 && only ? [only.id] : [])];
  });
  return undefined;
}

function memoryOf(text: string | undefined, options: Options): NewMemory {
  const { as: key, task, kind, tags, reward } = options;
  if (!text && !task) throw usage("There is nothing to remember. Pass a text, --task or --file.");
  return {
    ...(text && { output: text }),
    ...(task && { task }),
    ...(key !== undefined && { key }),
    ...(kind && { kind }),
    ...(tags && { tags }),
    ...(reward !== undefined && { reward }),
  };
}

async function readMemories(file: string): Promise<NewMemory[]> {
  let content: string;
  try {
    content = file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw usage(
      `The file ${file} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  return content.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    const memory = parsed(line);
    if (memory) return [memory];
    throw usage(`Line ${at + 1} of ${file} is not a JSON object. Nothing was stored.`);
  });
}

function parsed(line: string): NewMemory | null {
  try {
    const value: unknown = JSON.parse(line);
    if (!value || typeof value !== "object" || Array.isArray(value)) return null;
    const { expiresAt, ...memory } = value as NewMemory;
    return { ...memory, ...(expiresAt && { expiresAt: new Date(expiresAt) }) };
  } catch {
    return null;
  }
}
