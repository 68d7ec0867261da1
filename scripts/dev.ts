// Runs the embedded Supabase for work on Mayfly itself: with the seed, and with functions and SQL that reload when they
// change. Its data is in .mayfly/dev, separate from that of `npm start`.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createConsoleLog, findRunning, type Local, startLocal } from "@mayfly/local";
import postgres from "postgres";
import { readArguments } from "../examples/arguments.ts";
import { watchFiles } from "../local/src/functions/watch.ts";
import { buildConsole } from "./build-console.ts";
import { seed } from "./seed/index.ts";
import { buildMigrations, objectsIn, readSources } from "./sql/releases.ts";
import { applyStatements, changesBetween } from "./sql/source-changes.ts";

const { flags } = readArguments("[--verbose]");
const root = join(import.meta.dirname, "..");
const data = join(root, ".mayfly/dev");
const log = createConsoleLog({ verbose: flags.has("verbose"), json: false });
const say = (line: string) => console.log(line);

// `npm run dev | head` closes standard output. The server continues, as with `npm start`.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

let local: Local | undefined;
let stopping = false;
const ending = new AbortController();
/** Resolves when the seed in progress has ended. After Ctrl-C, this is when its incomplete tenant is erased. */
let filling: Promise<unknown> = Promise.resolve();
/** Resolves when the SQL changes in progress have been applied. */
let applying: Promise<void> = Promise.resolve();

async function stop(code: number): Promise<void> {
  // A second Ctrl-C ends the process at once.
  if (stopping) process.exit(130);
  stopping = true;
  watcher?.close();
  ending.abort(new Error("Stopped."));
  await filling.catch(() => {});
  // If the database ends in the middle of a statement, the driver ends the process with an error.
  await applying;
  await local?.close();
  say("Stopped.");
  process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void stop(0));

/** Starts the stack with the current SQL. Recreates a folder that was made with older SQL. */
async function start(): Promise<Local> {
  const { wrong } = await buildMigrations(root, false);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  const open = () =>
    startLocal({
      root,
      data,
      console: join(root, "console"),
      watch: true,
      log,
      onCrash: () => void stop(1),
    });
  try {
    return await open();
  } catch (error) {
    if (!/has changed since it was applied/.test((error as Error).message)) throw error;
    say("The SQL has changed since this database was made: it is made again, and seeded.");
    await rm(join(data, "db"), { recursive: true });
    return open();
  }
}

async function fill({ apiUrl: url, secretKey: key }: Local): Promise<void> {
  say("\nSeeding the tenant seed:");
  const { signal } = ending;
  const seeding = seed({ url, key, say: (line) => say(`  ${line}`), signal });
  filling = seeding;
  const made = await seeding;
  if (made === null) say("  It is there already.");
}

let sources = objectsIn(await readSources(root));
let watcher: { close(): void } | undefined;
try {
  const running = await findRunning(data);
  if (running)
    throw new Error(
      `npm run dev runs already, at ${running.apiUrl} (process ${running.pid}). Stop it there with Ctrl-C.`,
    );
  await buildConsole();
  local = await start();
  await fill(local);
  watch(local);
} catch (error) {
  if (!stopping) {
    console.error((error as Error).message);
    await local?.close();
    process.exit(1);
  }
}

function watch({ apiUrl, dbUrl, studioUrl, publishableKey, secretKey, consoleLink }: Local): void {
  say(`
Mayfly is up for work on itself. Ctrl-C stops it.

  API_URL          ${apiUrl}
  DB_URL           ${dbUrl}
  STUDIO_URL       ${studioUrl}
  CONSOLE_URL      ${consoleLink()}
  PUBLISHABLE_KEY  ${publishableKey}
  SECRET_KEY       ${secretKey}

A change in sql/ is built and applied at once, and one in functions/ is loaded with the next request.
`);
  watcher = watchFiles([join(root, "sql")], [], () => void changed());
}

function changed(): void {
  applying = applying.then(apply).catch((error: Error) => {
    console.error(`Not applied: ${error.message}`);
  });
}

async function apply(): Promise<void> {
  if (stopping || !local) return;
  const after = objectsIn(await readSources(root));
  const { written, wrong } = await buildMigrations(root, false);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  const changes = changesBetween(sources, after);
  if (changes?.length === 0) return;
  if (changes) {
    const sql = postgres(local.dbUrl, { max: 1, onnotice: () => {} });
    await applyStatements(sql, root, changes).finally(() => sql.end());
    sources = after;
    say(`Applied what changed${written.length > 0 ? `, and wrote ${written.join(", ")}` : ""}.`);
    return;
  }
  say("A table, a type or an index has changed: the database is made again, and seeded.");
  await local.close();
  // The keys stay the same, so what other terminals use still works.
  await rm(join(data, "db"), { recursive: true });
  local = undefined;
  local = await start();
  sources = after;
  await fill(local);
  say("The SQL is applied.");
}
