import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { type CommonOptions, execute, type Session, withJson } from "./command.ts";
import { Failure, usage } from "./failure.ts";
import { functionNames } from "./functions.ts";
import { withoutMayfly } from "./init-config.ts";
import { hashOf, manifestPath, readManifest } from "./init-manifest.ts";
import { nextNumber, uninstallName } from "./init-migrations.ts";
import { until } from "./interruption.ts";
import { uninstallSql } from "./uninstall-sql.ts";

interface Options extends CommonOptions {
  yes?: boolean;
}

const examples = `
It changes files only: a migration that drops everything, config.toml, and the functions. Mayfly's earlier
migrations stay, because the database knows them. Nothing is erased before you push.

Examples:
  mayfly export --out backup.jsonl     save a tenant first
  mayfly uninstall                     the project in this folder
  mayfly uninstall ~/my-app --yes      do not ask`;

export function addUninstall(program: Command): void {
  const command = program
    .command("uninstall")
    .description("remove Mayfly from a Supabase project, with everything it has stored")
    .argument("[folder]", "the folder with supabase/config.toml", ".")
    .option("--yes", "do not ask")
    .addHelpText("after", examples);
  withJson(command).action((folder: string, options: Options) =>
    execute(options, (session) => uninstall(resolve(folder), options, session)),
  );
}

async function uninstall(root: string, options: Options, session: Session): Promise<undefined> {
  const { output } = session;
  const manifest = await readManifest(root);
  if (!manifest)
    throw usage(
      `mayfly init has not installed anything in ${root}.`,
      "Name the folder of your project: mayfly uninstall ~/my-app",
    );
  const migration = `supabase/migrations/${await nextNumber(root)}_${uninstallName}.sql`;
  const config = await readFile(join(root, "supabase/config.toml"), "utf8");
  const { text, changes } = withoutMayfly(config);
  const { removed, kept } = await filesOf(root, manifest.files);

  const warning =
    "When you push this, every tenant is erased: agents, memories, messages, jobs, runs. This cannot be undone.";
  if (!output.json) {
    output.line(output.paint("red", warning));
    output.line("");
    output.line(`  create  ${migration}`);
    if (changes.length > 0) output.line(`  edit    supabase/config.toml  (${changes.join(", ")})`);
    output.line(`  delete  supabase/mayfly  (${removed.length} files)`);
    for (const path of kept) output.line(`  keep    ${path}  (changed since it was installed)`);
  }
  if (!options.yes) await confirm(session);

  await writeFile(join(root, migration), uninstallSql);
  if (changes.length > 0) await writeFile(join(root, "supabase/config.toml"), text);
  for (const path of removed) await rm(join(root, path), { force: true });
  if (kept.length === 0) await rm(join(root, "supabase/mayfly"), { recursive: true, force: true });
  await rm(join(root, manifestPath));
  output.answer({ folder: root, migration, config: changes, removed, kept, warning }, () => [
    "",
    "Done. Now do this, in this order:",
    "  Project Settings → Data API → Exposed schemas: remove mayfly",
    `  ${output.paint("bold", "npx supabase db push --remote")}`,
    ...functionNames.map((name) => {
      const command = `npx supabase functions delete ${manifest.prefix ?? ""}${name}`;
      return `  ${output.paint("bold", command)}`;
    }),
    `  ${output.paint("bold", "npx supabase secrets unset MAYFLY_SIGNING_KEY")}`,
    "To keep Mayfly after all, delete the migration and run mayfly init.",
  ]);
  return undefined;
}

/** The files that init wrote besides the migrations, unchanged or changed since. */
async function filesOf(root: string, files: Record<string, string>) {
  const removed: string[] = [];
  const kept: string[] = [];
  for (const [path, hash] of Object.entries(files)) {
    if (path.startsWith("supabase/migrations/")) continue;
    const text = await readFile(join(root, path), "utf8").catch(() => null);
    if (text !== null) (hashOf(text) === hash ? removed : kept).push(path);
  }
  return { removed, kept };
}

async function confirm({ output, interruption }: Session): Promise<void> {
  if (!output.terminal || !process.stdin.isTTY)
    throw usage("Nothing was changed, because nobody could confirm it.", "Pass --yes to do it.");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    // While readline reads the terminal, only readline gets Ctrl-C, so pass the signal on to the
    // process.
    lines.on("SIGINT", () => process.emit("SIGINT"));
    const { signal } = interruption;
    const asked = lines.question('\nType "uninstall" to do it: ', { signal }).catch(() => "");
    const answer = await until(signal, asked);
    if (answer.trim() !== "uninstall") throw new Failure("Nothing was changed.");
  } finally {
    lines.close();
  }
}
