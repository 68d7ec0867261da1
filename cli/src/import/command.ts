import { createReadStream, createWriteStream } from "node:fs";
import { Writable } from "node:stream";
import type { Mayfly, NewMemory } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { execute, type ProjectOptions, type Session, withProject } from "../command.ts";
import { dataOf, Failure } from "../failure.ts";
import { count } from "../format-values.ts";
import { openProject } from "../project.ts";
import { type Format, formats, readers } from "./formats.ts";
import { itemsOf } from "./items.ts";
import { type Place, placeOf } from "./place.ts";

interface Options extends ProjectOptions {
  from: Format;
}

/** The most memories that one call stores, and the most characters that they have together. */
const most = { memories: 500, characters: 1_000_000 };

const importExamples = `
Formats: jsonl (as for mayfly remember --file), export (of mayfly export: everything of the tenant, with the
secret key), mem0 (JSON of get_all or of an export), langgraph (rows of the table store, as JSON Lines).

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
    .description("store memories from a file, or a whole export")
    .argument("<file>", "JSON Lines or JSON")
    .addOption(
      new Option("--from <format>", "format of the file").choices([...formats]).default("jsonl"),
    )
    .addHelpText("after", importExamples);
  withProject(command).action((file: string, options: Options) =>
    execute(options, (session) => importFile(file, options, session)),
  );
  const exported = program
    .command("export")
    .description("write everything that a tenant has as JSON Lines")
    .option("--out <file>", "file to write (default: standard output)")
    .addHelpText("after", exportExamples);
  withProject(exported).action((options: ProjectOptions & { out?: string }) =>
    execute(options, (session) => exportTenant(options, session)),
  );
}

async function importFile(file: string, options: Options, session: Session): Promise<undefined> {
  const { output, interruption } = session;
  const counts = { stored: 0, changed: 0, duplicate: 0, skipped: 0 };
  const { mayfly, tenant } = await openProject(options, output);
  const place = await placeOf(file, tenant.id);
  if (place.done > 0) output.note(`Continuing after line ${place.done}.`);
  if (options.from === "export") return importExport(file, place, mayfly, session);

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
      counts.skipped++;
    } else if (number > place.done) {
      waiting.push(memory);
      characters += JSON.stringify(item).length;
    }
    last = Math.max(number, place.done);
    if (waiting.length >= most.memories || characters >= most.characters) await store();
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
      ...(counts.skipped > 0 ? [`${counts.skipped} lines were not memories`] : []),
    ].join(", "),
  ]);
  return undefined;
}

async function importExport(
  file: string,
  place: Place,
  mayfly: Mayfly,
  { output, interruption }: Session,
): Promise<undefined> {
  let saved = Promise.resolve();
  const answer = await mayfly.tenants.import(createReadStream(file), {
    after: place.done,
    signal: interruption.signal,
    onProgress: (done) => {
      saved = saved.then(() => place.save(done.lines));
      output.note(`${count(done.stored, "row")} so far.`);
    },
  });
  await saved;
  const done = dataOf(answer);
  if (interruption.signal.aborted)
    throw new Failure("The import was interrupted.", { hint: "Run it again to continue." });
  await place.forget();
  const left = Object.entries(done.leftOut).map(([table, rows]) => `${rows} of ${table}`);
  output.answer(done, () => [
    `${count(done.stored, "row")} stored, ${done.known} known already`,
    ...(left.length > 0
      ? [`Left out, since they belong to the other project: ${left.join(", ")}`]
      : []),
    ...(done.orphaned > 0 ? [`${count(done.orphaned, "row")} refer to one that is not here`] : []),
  ]);
  return undefined;
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
  // Only the file's owner may read it, because it contains all data of the tenant.
  await lines.pipeTo(Writable.toWeb(createWriteStream(options.out, { mode: 0o600 })));
  output.answer({ tenant: tenant.id, file: options.out }, () => [
    `${tenant.name} is in ${options.out}.`,
  ]);
  return undefined;
}
