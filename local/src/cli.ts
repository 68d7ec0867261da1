#!/usr/bin/env node
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { createConsoleLog } from "./console-log.ts";
import { legacyKeys } from "./environment.ts";
import { loadOrCreateKeys } from "./keys.ts";
import type { Local } from "./options.ts";
import { findRunning, type Running } from "./running.ts";
import { startLocal } from "./start.ts";
import { createTokens } from "./tokens.ts";

const defaultData = join(import.meta.dirname, "../../.mayfly");

const defaultPort = 54321;
const defaultDbPort = 54322;

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError("A port must be an integer from 1 to 65535.");
  return value;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 10_000)
    throw new InvalidArgumentError("It must be an integer number of milliseconds from 0 to 10000.");
  return value;
}

interface StartOptions {
  data: string;
  port?: number;
  dbPort?: number;
  dbUrl?: string;
  broadcastLead?: number;
  hostedLimits?: boolean;
  verbose?: boolean;
  json?: boolean;
}

// `npm start | head` closes standard output; what serves goes on, as a log file's reader may leave.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const program = new Command("mayfly-local").description("The embedded Supabase, without Docker.");
const dataOption = [
  "--data <folder>",
  "where the database and the keys are kept",
  defaultData,
] as const;

program
  .command("start")
  .description("start the embedded Supabase and keep it up until Ctrl-C")
  .option(...dataOption)
  .option("--port <port>", "HTTP port (54321, or another that is free)", port)
  .option("--db-port <port>", "Postgres wire port (54322, or another that is free)", port)
  .option(
    "--db-url <url>",
    "use this Postgres instead of the embedded one (it needs pgvector and a superuser)",
  )
  .option(
    "--broadcast-lead <ms>",
    "let broadcasts arrive up to this long before their commit is visible (hosted: 70)",
    milliseconds,
  )
  .option("--hosted-limits", "end functions after 2 s of CPU or 150 s, as a hosted project does")
  .option("--verbose", "log everything")
  .option("--json", "log JSON lines")
  .action(start);

program
  .command("status")
  .description("show what runs, as JSON or as KEY=value")
  .option(...dataOption)
  .option("--port <port>", "fail unless it has this HTTP port", port)
  .addOption(
    new Option("-o, --output <format>", "how to print it").choices(["json", "env"]).default("json"),
  )
  .action(async ({ data, port, output }: { data: string; port?: number; output: string }) => {
    const running = await requireRunning(data);
    if (port !== undefined && Number(new URL(running.apiUrl).port) !== port)
      throw new Error(
        `The embedded Supabase of ${data} serves at ${running.apiUrl}, not at ${port}.`,
      );
    const values = variables(running);
    if (output === "json") return console.log(JSON.stringify(values, null, 2));
    const keys = await loadOrCreateKeys(data);
    const legacy = await legacyKeys(await createTokens(keys));
    const all = {
      ...values,
      ANON_KEY: legacy.SUPABASE_ANON_KEY,
      SERVICE_ROLE_KEY: legacy.SUPABASE_SERVICE_ROLE_KEY,
      JWT_SECRET: keys.jwtSecret,
    };
    for (const [name, value] of Object.entries(all)) console.log(`${name}="${value}"`);
  });

program
  .command("db:url")
  .description("print the URL of the database, as postgres")
  .option(...dataOption)
  .action(async ({ data }: { data: string }) => console.log((await requireRunning(data)).dbUrl));

try {
  await program.parseAsync();
} catch (error) {
  console.error(sentence(error));
  process.exit(1);
}

/** The names that `supabase status` gives. */
function variables(running: Omit<Running, "pid" | "instance">): Record<string, string> {
  return {
    API_URL: running.apiUrl,
    DB_URL: running.dbUrl,
    STUDIO_URL: running.studioUrl,
    JWKS_URL: running.jwksUrl,
    PUBLISHABLE_KEY: running.publishableKey,
    SECRET_KEY: running.secretKey,
  };
}

async function requireRunning(data: string): Promise<Running> {
  const running = await findRunning(data);
  if (running) return running;
  throw new Error(`No embedded Supabase serves ${data}. Start it with: npm start`);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function start(options: StartOptions): Promise<void> {
  const { verbose = false, json = false } = options;
  const log = createConsoleLog({ verbose, json });
  const startedAt = performance.now();
  let local: Local | undefined;
  let stopping = false;

  const stop = async (code: number) => {
    // The second Ctrl-C does not wait. Nor does one during the start: nothing was acknowledged yet,
    // and every step of a start may be killed.
    if (stopping) process.exit(130);
    stopping = true;
    await local?.close();
    log.info("Stopped");
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => void stop(0));

  try {
    local = await startLocal({
      ...options,
      ...(options.broadcastLead !== undefined && { broadcastLeadMs: options.broadcastLead }),
      watch: true,
      log,
      onCrash: () => {
        const where = `Everything that was acknowledged is in ${options.data}. Start again.`;
        log.error(`The embedded Supabase stopped, because its database stopped. ${where}`);
        void stop(1);
      },
    });
  } catch (error) {
    if (stopping) return;
    if (json) log.error(sentence(error));
    else console.error(sentence(error));
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (json) {
    const { apiUrl, dbUrl } = local;
    // The whole URL of the database has its password.
    const dbPort = Number(new URL(dbUrl).port);
    log.info("Serving", { seconds: Number(seconds), API_URL: apiUrl, dbPort });
    return;
  }
  const rows = Object.entries(variables(local));
  console.log(
    `\nMayfly's embedded Supabase is running (started in ${seconds} s). Ctrl-C stops it.\n`,
  );
  for (const [name, value] of rows) console.log(`  ${name.padEnd(16)} ${value}`);
  const moves = movedPorts(options, local);
  if (moves.length > 0) console.log("");
  for (const move of moves) console.log(`  ${move}`);
  console.log("");
}

/** A sentence for each port that nobody named and that is not the usual one. */
function movedPorts(options: StartOptions, { apiUrl, dbUrl }: Local): string[] {
  const moves: string[] = [];
  const http = Number(new URL(apiUrl).port);
  if (options.port === undefined && http !== defaultPort)
    moves.push(
      `HTTP uses port ${http}, because ${defaultPort} is in use. Use --port to choose another.`,
    );
  const db = Number(new URL(dbUrl).port);
  if (options.dbPort === undefined && options.dbUrl === undefined && db !== defaultDbPort) {
    // Where HTTP has moved, Postgres is beside it: the usual port was not tried.
    const why = moves.length > 0 ? "next to HTTP's" : `because ${defaultDbPort} is in use`;
    moves.push(`Postgres uses port ${db}, ${why}. Use --db-port to choose another.`);
  }
  return moves;
}
