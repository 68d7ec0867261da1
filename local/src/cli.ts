#!/usr/bin/env node
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { legacyKeys } from "./environment.ts";
import { loadOrCreateKeys } from "./keys.ts";
import { findProject } from "./project.ts";
import { findRunning, type Running } from "./running.ts";
import { sentence, serve, variables } from "./serve.ts";
import { thisRepository } from "./start.ts";
import { createTokens } from "./tokens.ts";

/**
 * In a clone of Mayfly, this serves Mayfly's own project. As a package, it serves the project of
 * the folder in which it is run.
 */
const defaultRoot = thisRepository ?? findProject(".") ?? process.cwd();
const defaultData = join(defaultRoot, ".mayfly");

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
  data?: string;
  project?: string;
  port?: number;
  dbPort?: number;
  dbUrl?: string;
  broadcastLead?: number;
  hostedLimits?: boolean;
  verbose?: boolean;
  json?: boolean;
}

// `npm start | head` closes standard output. The server continues, because the reader of a log may
// leave.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const program = new Command("mayfly-local")
  .description("The embedded Supabase, without Docker.")
  // As in the other commands, wrong arguments end with code 2, and failures with 1.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
const dataOption = [
  "--data <folder>",
  "folder for the database and the keys",
  defaultData,
] as const;

program
  .command("start")
  .description("start the embedded Supabase and keep it up until Ctrl-C")
  .option("--project <folder>", "the Supabase project to serve, a folder with supabase/config.toml")
  .option(
    "--data <folder>",
    "folder for the database and the keys (default: .mayfly of the project)",
  )
  .option("--port <port>", "HTTP port (default: 54321, or another free one)", port)
  .option("--db-port <port>", "Postgres wire port (default: 54322, or another free one)", port)
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
  .description("show the running project, as JSON or as KEY=value")
  .option(...dataOption)
  .option("--port <port>", "fail unless it has this HTTP port", port)
  .addOption(
    new Option("-o, --output <format>", "how to print it").choices(["json", "env"]).default("json"),
  )
  .action(async ({ data, port, output }: { data: string; port?: number; output: string }) => {
    const running = await requireRunning(data);
    if (port !== undefined && Number(new URL(running.apiUrl).port) !== port)
      throw new Error(
        `The embedded Supabase of ${data} is running at ${running.apiUrl}, not at port ${port}.`,
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

async function requireRunning(data: string): Promise<Running> {
  const running = await findRunning(data);
  if (running) return running;
  throw new Error(
    `No embedded Supabase serves ${data}. Start it with: ${thisRepository ? "npm start" : "npx mayfly-local start"}`,
  );
}

async function start({ broadcastLead, project, data, ...options }: StartOptions): Promise<void> {
  const root = project === undefined ? defaultRoot : requireProject(project);
  await serve({
    ...options,
    root,
    data: data ?? join(root, ".mayfly"),
    console: thisRepository && join(thisRepository, "console"),
    ...(broadcastLead !== undefined && { broadcastLeadMs: broadcastLead }),
    title: root === thisRepository ? "Mayfly's embedded Supabase is running" : `${root} is running`,
  });
}

function requireProject(folder: string): string {
  const root = findProject(folder);
  if (root === null)
    throw new Error(`There is no supabase/config.toml in ${resolve(folder)}, nor above it.`);
  return root;
}
