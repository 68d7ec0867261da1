import { type Command, InvalidArgumentError, Option } from "commander";
import type { ConnectionOptions } from "./connection.ts";
import { toFailure } from "./failure.ts";
import { type Interruption, interruption } from "./interruption.ts";
import { Output } from "./output.ts";

/** The options that every command has. */
export interface CommonOptions {
  json?: boolean;
}

export type ProjectOptions = CommonOptions & ConnectionOptions;

/** What a command works with. */
export interface Session {
  output: Output;
  interruption: Interruption;
}

/** How long to wait for the process to end by itself after everything is closed. */
const lingerMs = 500;
/** How long an interrupted command has to leave channels and clean up. */
const leaveMs = 5_000;

/** Adds `--json`, and the options for a project and a tenant. */
export function withProject(command: Command, { tenant = true } = {}): Command {
  command
    .option("--url <url>", "URL of the project (default: MAYFLY_URL or SUPABASE_URL)")
    .option("--key <key>", "its secret key (safer: MAYFLY_KEY or SUPABASE_SECRET_KEY)");
  if (tenant)
    command.option(
      "--tenant <tenant>",
      "tenant id or name (default: MAYFLY_TENANT, or the only tenant)",
    );
  return withJson(command);
}

export const withJson = (command: Command): Command =>
  command.addOption(new Option("--json", "print only JSON"));

/**
 * Runs a command and sets the exit code: the code that the command returns, 0 if it returns none, or
 * the code of its failure.
 */
export async function execute(
  options: CommonOptions,
  work: (session: Session) => Promise<number | undefined>,
): Promise<void> {
  const output = new Output(options.json === true);
  const ending = interruption();
  ending.signal.addEventListener("abort", () => {
    setTimeout(() => process.exit(ending.exitCode()), leaveMs).unref();
  });
  try {
    process.exitCode = (await work({ output, interruption: ending })) ?? 0;
  } catch (error) {
    if (!ending.signal.aborted) {
      const failure = toFailure(error);
      output.failure(failure);
      process.exitCode = failure.exitCode;
    }
  }
  // An interruption has its own exit code. If the reader of the output has gone, this is 0, not that
  // of a failure.
  process.exitCode = ending.exitCode() ?? process.exitCode;
  setTimeout(() => process.exit(), lingerMs).unref();
}

export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be an integer from ${least} to ${most}.`);
  };
}

export function share(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && number >= 0 && number <= 1) return number;
  throw new InvalidArgumentError("It must be a number from 0 to 1.");
}

/** Splits `a,b` into two. */
export function list(text: string): string[] {
  const words = text.split(",").map((word) => word.trim());
  if (words.every(Boolean)) return words;
  throw new InvalidArgumentError("It must be a list of words, separated by commas.");
}
