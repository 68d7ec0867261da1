import { isMayflyError, type MayflyError, type Result } from "@mayfly/sdk/contract/errors";

/**
 * The exit codes besides 0, which means success. After a signal, the code is 128 plus the number of
 * the signal.
 */
export const exitCodes = { failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** An error for people: a sentence about what went wrong, another about what to do, and the exit code. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** Stable, so that scripts can branch on it. */
  readonly code: string;
  readonly hint: string | null;
  readonly exitCode: number;
  readonly details: unknown;

  constructor(
    message: string,
    options: { code?: string; hint?: string | null; exitCode?: number; details?: unknown } = {},
  ) {
    super(message);
    this.code = options.code ?? "failed";
    this.hint = options.hint ?? null;
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.details = options.details ?? null;
  }
}

/** A failure of the command line, not of the work. */
export const usage = (message: string, hint: string | null = null) =>
  new Failure(message, { code: "usage", hint, exitCode: exitCodes.usage });

/** Says where to find the ids and names of what an error calls unknown. */
const listings: Record<string, string> = {
  agent_unknown: "To list agents: mayfly agents --all",
  approval_unknown: "To list approvals: mayfly approvals",
  entity_unknown: "To list entities: mayfly entities",
  job_unknown: "To list jobs: mayfly jobs",
  run_unknown: "To list runs: mayfly runs",
  team_unknown: "To list teams: mayfly teams",
  workflow_unknown: "To list runs of workflows: mayfly workflows",
};

/** The data of an SDK call, or its error as a failure. Hints for programs become commands. */
export function dataOf<T>(result: Result<T>): T {
  if (!result.error) return result.data;
  throw failureOf(result.error);
}

const failureOf = ({ code, message, hint, details }: MayflyError): Failure =>
  new Failure(message, { code, hint: listings[code] ?? hint, details });

/** Turns any error into a failure. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isMayflyError(error)) return failureOf(error);
  return new Failure(error instanceof Error ? error.message : String(error));
}
