import { createWriteStream } from "node:fs";
import { Writable } from "node:stream";
import type { NewMemory } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { execute, type ProjectOptions, type Session, withProject } from "../command.ts";
import { dataOf, Failure } from "../failure.ts";
import { openProject } from "../project.ts";
import { count } from "../words.ts";
import { type Format, formats, readers } from "./formats.ts";
import { itemsOf, vectorsOf } from "./items.ts";
import { placeOf } from "./place.ts";

interface Options extends ProjectOptions {
  from: Format;
}

/** How many memories one call stores, how many with a vector, and how long they are as text. */
const most = { memories: 500, withVector: 100, characters: 1_000_000 };

const importExamples = `
Formats: jsonl (as for mayfly remember --file), export (of mayfly export: its memories, with vectors), mem0
(JSON of get_all or of an export), langgraph (rows of the table store, as JSON Lines).

You can run an import again: what is stored is not stored twice, and an interrupted one continues.

Examples:
  mayfly import memories.jsonl
  mayfly import acme.jsonl --from export --tenant acme-copy
  mayfly import mem0.json --from mem0
  psql "$LANGGRAPH_URL" -Atc "select row_to_json(s) from store s" > store.jsonl
  mayfly import store.jsonl --from langgraph`;

const exportExamples = `
Examples:
  mayfly export --out acme.jsonl --tenant acme
  mayfly export | gzip > acme.jsonl.gz`;

export function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("store memories from a file")
    .argument("<file>", "JSON Lines or JSON")
    .addOption(
      new Option("--from <format>", "what wrote the file").choices([...formats]).default("jsonl"),
    )
    .addHelpText("after", importExamples);
  withProject(command).action((file: string, options: Options) =>
    execute(options, (session) => importFile(file, options, session)),
  );
  const exported = program
    .command("export")
    .description("write everything of a tenant as JSON Lines")
    .option("--out <file>", "the file to write; standard output without it")
    .addHelpText("after", exportExamples);
  withProject(exported).action((options: ProjectOptions & { out?: string }) =>
    execute(options, (session) => exportTenant(options, session)),
  );
}

async function importFile(file: string, options: Options, session: Session): Promise<undefined> {
  const { output, interruption } = session;
  const vectors = options.from === "export" ? vectorsOf(file) : undefined;
  const withVector = vectors && attach(vectors);
  const counts = { stored: 0, changed: 0, duplicate: 0, skipped: 0 };
  const { mayfly, tenant } = await openProject(options, output);
  const place = await placeOf(file, tenant.id);
  if (place.done > 0) output.note(`Continuing after line ${place.done}.`);

  const batch = withVector ? most.withVector : most.memories;
  let waiting: NewMemory[] = [];
  let characters = 0;
  let last = 0;
  const store = async () => {
    if (waiting.length > 0)
      for (const { status } of dataOf(await mayfly.memory.remember(waiting))) counts[status]++;
    waiting = [];
    characters = 0;
    await place.save(last);
    output.note(`${count(counts.stored + counts.changed, "memory", "memories")} so far.`);
  };
  for await (const { item, number } of itemsOf(file)) {
    if (interruption.signal.aborted) break;
    const memory = readers[options.from](item);
    if (memory === null) {
      if (item.table === undefined) counts.skipped++;
    } else {
      const whole = withVector ? await withVector(memory) : memory;
      if (number > place.done) {
        waiting.push(whole);
        characters += JSON.stringify(item).length;
      }
    }
    last = Math.max(number, place.done);
    if (waiting.length >= batch || characters >= most.characters) await store();
  }
  if (waiting.length > 0) await store();
  if (interruption.signal.aborted)
    throw new Failure("The import was interrupted.", { hint: "Run it again to continue." });
  await place.forget();
  output.answer(counts, () => [
    [
      `${count(counts.stored, "memory", "memories")} stored`,
      `${counts.changed} changed by their keys`,
      `${counts.duplicate} known already`,
      ...(counts.skipped > 0 ? [`${counts.skipped} lines were no memories`] : []),
    ].join(", "),
  ]);
  return undefined;
}

/** Memories and vectors of an export come in the same order, so both are read side by side. */
function attach(vectors: AsyncGenerator<{ id: string; model: string; embedding: number[] }>) {
  let next: Promise<IteratorResult<{ id: string; model: string; embedding: number[] }>> | undefined;
  return async (memory: NewMemory): Promise<NewMemory> => {
    for (;;) {
      next ??= vectors.next();
      // A memory has its own id where it is imported.
      const { id = "", ...rest } = memory;
      const { value, done } = await next;
      if (done || value.id > id) return rest;
      next = undefined;
      if (value.id === id) return { ...rest, embedding: value.embedding, model: value.model };
    }
  };
}

async function exportTenant(
  options: ProjectOptions & { out?: string },
  { output, interruption }: Session,
): Promise<undefined> {
  const { mayfly, tenant } = await openProject(options, output);
  const lines = dataOf(await mayfly.tenants.export({ signal: interruption.signal }));
  if (options.out === undefined) {
    await lines.pipeTo(Writable.toWeb(process.stdout), { preventClose: true });
    return undefined;
  }
  // It holds everything that the tenant has: for its owner alone.
  await lines.pipeTo(Writable.toWeb(createWriteStream(options.out, { mode: 0o600 })));
  output.answer({ tenant: tenant.id, file: options.out }, () => [
    `${tenant.name} is in ${options.out}.`,
  ]);
  return undefined;
}
