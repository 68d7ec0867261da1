/** Errors that end a job but not its worker, and errors that end the worker. */
import { MayflyError } from "../contract/errors.ts";
import { report } from "../link/safe-callback.ts";
import type { Ending } from "./local-job.ts";
import type { WorkOptions } from "./work-options.ts";

/** After these errors, the worker cannot continue. */
export const fatal = [
  "not_authorized",
  "scope_missing",
  "tenant_unknown",
  "tenant_ambiguous",
  "agent_not_alive",
  "agent_suspended",
];

export const overFor = (code: "lease_lost" | "job_cancelled") =>
  new MayflyError({
    code,
    message: code === "lease_lost" ? "The lease of this job is over." : "The job was cancelled.",
    hint: "Stop working on it.",
    details: null,
  });

export const stopped = () =>
  new MayflyError({
    code: "lease_lost",
    message: "The worker was stopped.",
    hint: "Another worker can take the job.",
    details: null,
  });

/** The error for a job that would otherwise be given back again and again. */
const stalled = () =>
  new MayflyError({
    code: "handler_failed",
    message:
      "The function's call ended, and the job had recorded no step in the last third of its time.",
    hint: "Divide the job into steps, or do it in a process without a time limit.",
    details: { code: "call_over" },
  });

export const overran = (lease: string): Ending => {
  const cause = stalled();
  const error = { code: "call_over", message: `${cause.message} ${cause.hint}` };
  return { lease, failure: { said: { error, retryable: true }, cause } };
};

/** Reports errors to `onError`. Without `onError`, it still reports an error that ends the worker. */
export function tell(onError: WorkOptions["onError"], error: MayflyError, ends: boolean): void {
  if (onError || ends)
    report(onError as ((error: unknown) => void) | undefined, "A worker of jobs", error);
}

/** The server refused the result, so the attempt has failed for good. */
export const refusedEnding = ({ lease }: Ending, error: MayflyError): Ending => ({
  lease,
  failure: {
    said: { error: { code: error.code, message: error.message }, retryable: false },
    cause: error,
  },
});
