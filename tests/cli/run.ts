/** Runs the command line as a process, as a person does. */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { once } from "#harness/once";
import { buildCliCode } from "../../scripts/packages/cli.ts";

const root = join(import.meta.dirname, "../..");

/**
 * The command line, bundled as in its package, with the migrations and functions of this clone. It is bundled
 * because a process that reads the sources needs 0.4 s more of processor time, and all tests start hundreds
 * of processes.
 */
export const cli = await once("cli", async (folder) => {
  await buildCliCode(folder);
  await cp(join(root, "cli/package.json"), join(folder, "package.json"));
  await symlink(root, join(folder, "assets"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  return join(folder, "cli.js");
});
/** The cache is next to the bundle, so that it is deleted after the run, like the bundle. */
const cache = { NODE_COMPILE_CACHE: join(dirname(cli), "cache") };

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Whether the process thinks that it runs in a terminal, where a person types on `child.stdin`. */
  terminal?: boolean;
  /** A command line other than that of this repository. */
  cli?: string;
}

export interface Running {
  child: ChildProcess;
  /** Resolves when its standard output or error matches. */
  printed(pattern: RegExp): Promise<void>;
  ended: Promise<Ran>;
}

/** Environment variables of the machine that must not affect a test. */
const named = /^(MAYFLY|SUPABASE)_|^(NO_COLOR|FORCE_COLOR)$/;

/** Makes a process treat its pipes as a terminal. */
const pretend =
  "data:text/javascript,process.stdin.isTTY = true; process.stdout.isTTY = true; process.stdout.columns = 80";

export function startCli(
  words: string[],
  { cwd = "/", env = {}, terminal = false, cli: command = cli }: RunOptions = {},
): Running {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !named.test(name)));
  const options = terminal ? ["--import", pretend] : [];
  // Like vitest.config.ts: a database that lives for seconds is not worth optimizing.
  const child = spawn(process.execPath, ["--liftoff-only", ...options, command, ...words], {
    cwd,
    env: { ...own, ...cache, ...env },
    stdio: [terminal ? "pipe" : "ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Ran>((resolve) =>
    child.once("close", (code) => resolve({ code, out, err })),
  );
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(out) || pattern.test(err)) resolve();
      };
      child.stdout?.on("data", look);
      child.stderr?.on("data", look);
      void ended.then(() => reject(new Error(`It ended before: ${out}${err}`)));
      look();
    });
  return { child, printed, ended };
}

export const runCli = (words: string[], options?: RunOptions): Promise<Ran> =>
  startCli(words, options).ended;
