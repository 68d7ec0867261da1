#!/usr/bin/env node
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { createConsoleLog } from "./console-log.ts";
import { findRunning, type Running } from "./running.ts";
import { startLocal } from "./start.ts";

const defaultData = join(import.meta.dirname, "../../.mayfly");

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError("A port is a whole number from 1 to 65535.");
  return value;
}

interface StartOptions {
  data: string;
  port?: number;
  dbPort?: number;
  dbUrl?: string;
  verbose?: boolean;
  json?: boolean;
}

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
  .option("--port <port>", "HTTP port (54321, or the next that is free)", port)
  .option("--db-port <port>", "Postgres wire port (54322, or the next that is free)", port)
  .option(
    "--db-url <url>",
    "use this Postgres (with pgvector, as a superuser) instead of the embedded one",
  )
  .option("--verbose", "log everything")
  .option("--json", "log JSON lines")
  .action(start);

program
  .command("status")
  .description("what runs, as JSON")
  .option(...dataOption)
  .action(async ({ data }: { data: string }) => {
    const running = await requireRunning(data);
    console.log(JSON.stringify(variables(running), null, 2));
  });

program
  .command("db:url")
  .description("the URL of the database, as postgres")
  .option(...dataOption)
  .action(async ({ data }: { data: string }) => console.log((await requireRunning(data)).dbUrl));

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
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

async function start(options: StartOptions): Promise<void> {
  const { verbose = false, json = false } = options;
  const log = createConsoleLog({ verbose, json });
  const startedAt = performance.now();
  let interrupted = false;
  const starting = startLocal({ ...options, watch: true, log });

  const stop = async () => {
    // The second Ctrl-C does not wait.
    if (interrupted) process.exit(130);
    interrupted = true;
    const local = await starting.catch(() => undefined);
    await local?.close();
    log.info("Stopped");
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => void stop());

  const local = await starting;
  if (interrupted) return;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (json) {
    log.info("Serving", { seconds, API_URL: local.apiUrl, DB_URL: local.dbUrl });
    return;
  }
  const rows = Object.entries(variables(local));
  console.log(`\nMayfly's embedded Supabase serves (${seconds} s). Ctrl-C stops it.\n`);
  for (const [name, value] of rows) console.log(`  ${name.padEnd(16)} ${value}`);
  console.log("");
}
