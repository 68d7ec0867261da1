/** Runs the command line as a process, as a person does. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export const cli = join(import.meta.dirname, "../../cli/cli.js");

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Whether somebody sits before it, whose keys come by `child.stdin`. */
  terminal?: boolean;
  /** Another command line than the one of this repository. */
  cli?: string;
}

export interface Running {
  child: ChildProcess;
  /** Resolves once its standard output or error matches. */
  printed(pattern: RegExp): Promise<void>;
  ended: Promise<Ran>;
}

/** What of the machine's environment may not decide a test. */
const named = /^(MAYFLY|SUPABASE)_|^(NO_COLOR|FORCE_COLOR)$/;

/** Makes a process take its pipes for a terminal. */
const pretend =
  "data:text/javascript,process.stdin.isTTY = true; process.stdout.isTTY = true; process.stdout.columns = 80";

export function startCli(
  words: string[],
  { cwd = "/", env = {}, terminal = false, cli: command = cli }: RunOptions = {},
): Running {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !named.test(name)));
  const options = terminal ? ["--import", pretend] : [];
  const child = spawn(process.execPath, [...options, command, ...words], {
    cwd,
    env: { ...own, ...env },
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
