import { type ChildProcess, spawn } from "node:child_process";
import { basename, join, resolve } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import type { Command } from "commander";
import { installedPrefix } from "./connection.ts";
import { enter } from "./entry.ts";
import { toFailure, usage } from "./failure.ts";
import { isUuid } from "./format-values.ts";
import { Output } from "./output.ts";
import { sourceFolder } from "./source.ts";
import { readUsed } from "./used-tenant.ts";

interface Options {
  project?: string;
  data?: string;
  port?: string;
  dbPort?: string;
  tenant?: string;
  verbose?: boolean;
  json?: boolean;
}

/** The environment variables with which a program finds the project, here and in all examples. */
type Environment = Record<
  "MAYFLY_URL" | "MAYFLY_KEY" | "MAYFLY_PUBLISHABLE_KEY" | "MAYFLY_TENANT",
  string
> & { MAYFLY_FUNCTIONS_PREFIX?: string };

/** Processes that are still running this long after SIGTERM are killed. */
const graceMs = 5_000;

const examples = `
It needs no Docker and no account. In a folder without a Supabase project it serves only Mayfly. The data
are kept in .mayfly, which belongs in .gitignore.

A command after -- starts once everything is up, with MAYFLY_URL, MAYFLY_KEY, MAYFLY_PUBLISHABLE_KEY and
MAYFLY_TENANT in its environment. When it ends, mayfly dev ends too, with the same exit code.

Examples:
  mayfly dev                        the project of this folder, or of a folder above it
  mayfly dev --project ~/my-app     another
  mayfly dev -- node team.js        a program beside it`;

export function addDev(program: Command): void {
  program
    .command("dev")
    .description("serve a Supabase project on this machine, without Docker")
    .argument("[command...]", "a program to run beside it, after --")
    .option(
      "--project <folder>",
      "folder with supabase/config.toml (default: this one, or one above it)",
    )
    .option(
      "--data <folder>",
      "folder for the database and the keys (default: .mayfly of the project)",
    )
    .option("--port <port>", "HTTP port (default: 54321, or another free one)")
    .option("--db-port <port>", "Postgres port (default: 54322, or another free one)")
    .option("--tenant <name>", "tenant with this name, created if needed")
    .option("--verbose", "log everything")
    .option("--json", "log JSON lines")
    .addHelpText("after", examples)
    .action(async (command: string[], options: Options) => {
      try {
        await dev(command, options);
      } catch (error) {
        const failure = toFailure(error);
        new Output(options.json === true).failure(failure);
        process.exitCode = failure.exitCode;
      }
    });
}

async function dev(command: string[], options: Options): Promise<void> {
  const { findProject, serve } = await import("@mayfly/local");
  const project = findProject(options.project ?? ".");
  if (options.project !== undefined && project === null)
    throw usage(`There is no supabase/config.toml in ${resolve(options.project)}, nor above it.`);
  // If this folder has no project, Mayfly's own project is served, with its data in this folder.
  const root = project ?? sourceFolder;
  const [port, dbPort] = [portOf(options.port), portOf(options.dbPort)];
  let child: ChildProcess | undefined;
  await serve({
    root,
    data: options.data ?? join(project ?? process.cwd(), ".mayfly"),
    port,
    dbPort,
    console: join(sourceFolder, "console"),
    verbose: options.verbose === true,
    json: options.json === true,
    title: project ? `${project} is running` : "Mayfly is running",
    async beside(local) {
      const connection = { url: local.apiUrl, key: local.secretKey, tenant: undefined };
      const entry = await enter(connection);
      if (entry.at !== "inside") {
        const missing = "Mayfly is not in this project. To add it: npx mayfly init";
        if (command.length > 0) throw usage(missing);
        return { lines: [missing] };
      }
      const functionsPrefix = await installedPrefix(root);
      const name = options.tenant ?? process.env.MAYFLY_TENANT ?? (await readUsed(process.cwd()));
      const tenant = await openTenant(local.apiUrl, local.secretKey, name, entry.tenants);
      const environment: Environment = {
        MAYFLY_URL: local.apiUrl,
        MAYFLY_KEY: local.secretKey,
        MAYFLY_PUBLISHABLE_KEY: local.publishableKey,
        MAYFLY_TENANT: tenant.id,
        ...(functionsPrefix && { MAYFLY_FUNCTIONS_PREFIX: functionsPrefix }),
      };
      return {
        lines: [`The tenant is ${tenant.name} (${tenant.id}).`],
        ...(command.length > 0 && {
          run: () => {
            child = start(command, environment);
            return endOf(child);
          },
          close: () => end(child),
        }),
      };
    },
  });
}

/**
 * The named tenant, or the oldest one. In a new project, a tenant with the folder's name is
 * created.
 */
async function openTenant(
  url: string,
  key: string,
  named: string | undefined,
  known: { id: string; name: string }[],
): Promise<{ id: string; name: string }> {
  const found = known.find(({ id, name }) => named === id || named === name);
  // An id that is not among the known tenants can only be that of a tenant in another project.
  const wanted = named === undefined || isUuid(named) ? undefined : named;
  const first = found ?? (wanted === undefined ? known[0] : undefined);
  if (first) return first;
  const { data, error } = await new Mayfly({ url, key }).tenants.ensure(
    wanted ?? basename(process.cwd()),
  );
  if (error) throw error;
  return data;
}

function start([program = "", ...words]: string[], environment: Environment): ChildProcess {
  return spawn(program, words, {
    stdio: "inherit",
    env: { ...process.env, ...environment },
    // On Windows, npm's programs are scripts that only a shell can run.
    shell: process.platform === "win32",
  });
}

/** Resolves with the exit code, even if the program could not be started. */
function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${child.spawnfile} could not be started: ${error.message}`);
      resolve(127);
    });
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw usage("A port must be an integer from 1 to 65535.");
  return port;
}
