/** What ends a job whose worker goes on, or whose worker ends. */
import { MayflyError } from "../contract/errors.ts";
import type { Ending } from "./local-job.ts";

/** After these it is no use to go on. */
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
    hint: "The job is ready for another.",
    details: null,
  });

/** Of a job that would be given back again and again, and never end. */
const stalled = () =>
  new MayflyError({
    code: "handler_failed",
    message: "The call of the function was over, and the job had recorded no step for long.",
    hint: "Divide it into steps, or do it in a process that has no limit.",
    details: { code: "call_over" },
  });

export const overran = (lease: string): Ending => {
  const cause = stalled();
  const error = { code: "call_over", message: `${cause.message} ${cause.hint}` };
  return { lease, failure: { said: { error, retryable: true }, cause } };
};

/** The server refuses the result: the attempt failed, for good. */
export const refusedEnding = ({ lease }: Ending, error: MayflyError): Ending => ({
  lease,
  failure: {
    said: { error: { code: error.code, message: error.message }, retryable: false },
    cause: error,
  },
});
