import { mkdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Command, InvalidArgumentError } from "commander";
import { type CommonOptions, execute, type Session, whole, withJson } from "./command.ts";
import { Failure, usage } from "./failure.ts";
import { count } from "./format-values.ts";
import { functionNames, prefixForm } from "./functions.ts";
import { type Change, makePlan, manifestPath, manifestText, type Plan } from "./init-plan.ts";
import { until } from "./interruption.ts";
import type { Output } from "./output.ts";
import { sourceFolder } from "./source.ts";

interface Options extends CommonOptions {
  yes?: boolean;
  dryRun?: boolean;
  force?: boolean;
  dimensions?: number;
  prefix?: string;
}

const examples = `
It shows what it will do, and asks. If you run it again, it changes nothing, or brings an older installation
up to this version. It keeps files that you changed and lists them, unless you pass --force.

Examples:
  mayfly init ~/my-app --dry-run    what it would do
  mayfly init ~/my-app --yes        without asking
  mayfly init --dimensions 1536     for a model whose vectors have that many numbers`;

export function addInit(program: Command): void {
  const command = program
    .command("init")
    .description("add Mayfly to a Supabase project, or bring it up to this version")
    .argument(
      "[folder]",
      "folder of your project; supabase/config.toml is created if it is missing",
      ".",
    )
    .option("--yes", "do not ask")
    .option("--dry-run", "change nothing")
    .option("--force", "overwrite files that you changed")
    .option(
      "--dimensions <number>",
      "how many numbers a vector has: 256 to 2000 (default: 384)",
      whole(256, 2_000),
    )
    .option(
      "--prefix <text>",
      "prefix for the names of Mayfly's functions, such as mayfly-, if yours have the same names",
      prefix,
    )
    .addHelpText("after", examples);
  withJson(command).action((folder: string, options: Options) =>
    execute(options, (session) => init(folder, options, session)),
  );
}

async function init(folder: string, options: Options, session: Session): Promise<undefined> {
  const { output, interruption } = session;
  const root = await folderOf(folder);
  const plan = await makePlan(root, options.force === true, options);
  const report = (done: boolean) =>
    output.answer(answerOf(plan, done), () => (done ? doneLines(plan, output) : []));
  if (!output.json) for (const line of planLines(plan, output)) output.line(line);
  if (options.dryRun || !plan.needed) {
    report(false);
    return undefined;
  }
  if (!options.yes) {
    const asks = output.terminal && process.stdin.isTTY;
    if (!asks)
      throw usage("Nothing was changed, because nobody could confirm it.", "Pass --yes to do it.");
    if (!(await confirm(interruption.signal))) throw new Failure("Nothing was changed.");
  }
  await carryOut(plan);
  report(true);
  return undefined;
}

function prefix(text: string): string {
  if (prefixForm.test(text)) return text;
  throw new InvalidArgumentError(
    "It must be lowercase letters and digits, and end with - or _, such as mayfly-.",
  );
}

async function folderOf(folder: string): Promise<string> {
  const path = resolve(folder);
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory())
    throw usage(
      `There is no folder ${path}.`,
      "Name the folder of your project, or create it first.",
    );
  const root = await realpath(path);
  if (root === (await realpath(sourceFolder)))
    throw usage("This is Mayfly itself.", "Name the folder of your project: mayfly init ~/my-app");
  return root;
}

async function confirm(signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    // While readline reads the terminal, only readline gets Ctrl-C, so pass the signal on to the
    // process.
    lines.on("SIGINT", () => process.emit("SIGINT"));
    // Ctrl-D ends the question without an answer, which means no.
    const asked = lines.question("\nDo it? [Y/n] ", { signal }).catch(() => "no");
    const answer = await until(signal, asked);
    return /^(y|yes|)$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/**
 * Each file is complete or unchanged. The manifest is written last, so that a run that failed can be
 * repeated.
 */
async function carryOut(plan: Plan): Promise<void> {
  for (const { action, path, content } of plan.changes) {
    if (action === "delete") await rm(join(plan.root, path), { force: true });
    else if (content !== null) await write(join(plan.root, path), content);
  }
  await write(join(plan.root, manifestPath), manifestText(plan));
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, content);
  await rename(draft, path);
}

function answerOf(plan: Plan, done: boolean): object {
  return {
    folder: plan.root,
    from: plan.from,
    to: plan.to,
    done,
    needed: plan.needed,
    changes: plan.changes.map(({ content: _content, ...change }) => change),
    warnings: warningsOf(plan),
  };
}

function planLines(plan: Plan, output: Output): string[] {
  const { root, from, to, changes, needed } = plan;
  const kept = changes.filter(({ action }) => action === "keep");
  const title =
    from === null
      ? `Mayfly ${to} into ${root}`
      : `Mayfly ${from} in ${root}${from === to ? "" : `, to ${to}`}`;
  if (!needed)
    return [`${root} already has Mayfly ${to}.`, ...kept.map((one) => lineOf(one, output))];
  return [
    title,
    "",
    ...changes.map((change) => lineOf(change, output)),
    ...(kept.length > 0 ? ["", `${count(kept.length, "file")} kept: --force overwrites.`] : []),
    ...warningsOf(plan).flatMap((warning) => ["", output.paint("yellow", warning)]),
  ];
}

const colours = {
  create: "green",
  update: "cyan",
  edit: "cyan",
  delete: "red",
  keep: "yellow",
} as const;

const lineOf = ({ action, path, note }: Change, output: Output) =>
  `  ${output.paint(colours[action], action.padEnd(6))}  ${path}${note === null ? "" : `  (${note})`}`;

function warningsOf(plan: Plan): string[] {
  return [
    ...(plan.from !== null && isNewer(plan.from, plan.to)
      ? [`The installed version is newer. This takes it back to ${plan.to}.`]
      : []),
    ...(plan.migrationsChanged
      ? [
          "Migrations of this project have changed. db push does not apply them to a database that has the old ones: run doctor, and read docs/upgrading.md.",
        ]
      : []),
  ];
}

/** Compares the numbers of the versions. */
const isNewer = (one: string, other: string) =>
  one.localeCompare(other, "en", { numeric: true }) > 0;

function doneLines(plan: Plan, output: Output): string[] {
  const push = "npx supabase db push --remote";
  const prefix = plan.manifest.prefix ?? "";
  const names = functionNames.map((name) => `${prefix}${name}`).join(" ");
  const deploy = `npx supabase functions deploy ${names}`;
  if (plan.from !== null) {
    const steps = plan.migrationsAdded ? `${push} && ${deploy}` : deploy;
    return ["", `Done. Now deploy again, in the project's folder: ${output.paint("bold", steps)}`];
  }
  return [
    "",
    `Done. To try it on this machine first, in the project's folder: ${output.paint("bold", "npx mayfly dev")}`,
    "To put it on a hosted project, do this in the project's folder:",
    ...[
      `npx supabase link --project-ref <ref> && ${push}`,
      "Project Settings → Data API → Exposed schemas: add mayfly",
      "npx supabase gen signing-key --algorithm ES256; import it under Project Settings → JWT Keys, rotate to it,",
      "  and npx supabase secrets set MAYFLY_SIGNING_KEY='<the JWK>'",
      deploy,
    ].map((line) => `  ${output.paint("bold", line)}`),
    "and this here, to check the project:",
    `  ${output.paint("bold", "MAYFLY_URL=https://<ref>.supabase.co MAYFLY_KEY=sb_secret_… npx mayfly doctor")}`,
  ];
}
