/** Errors of a workflow that its own code did not throw. */
import { MayflyError } from "../contract/errors.ts";
import type { JobError } from "../jobs/types.ts";
import type { FailedStep } from "./answers.ts";

/** Makes the failure final, because the outcome of a recorded wait is the same for each attempt. */
const forGood = (error: MayflyError) => Object.assign(error, { retryable: false });

export const changed = (asked: string | undefined, recorded: string[]) => {
  const [first = ""] = recorded;
  const more = recorded.length > 1 ? ` and ${recorded.length - 1} more` : "";
  return new MayflyError({
    code: "workflow_changed",
    message:
      asked === undefined
        ? `The code ended without the recorded step "${first}"${more}: it has changed since this run began.`
        : `The code asks for "${asked}", which is not recorded, before the recorded step "${first}"${more}: it has changed since this run began.`,
    hint: "Nothing was done. Serve the code with which the run began, or give the new code another version and move the run to it with the renamed and removed steps.",
    details: { step: first, asked: asked ?? null },
  });
};

export const childFailed = (name: string, id: string, status: string, error: JobError | null) =>
  forGood(
    new MayflyError({
      code: "job_failed",
      message: `The child ${name} ${status === "failed" ? "failed" : "was cancelled"}${error ? `: ${error.message}` : "."}`,
      hint: "Look at the child with jobs.get. To retry, redrive the child, then move the run with this name in forget.",
      details: { id, status, error },
    }),
  );

/** A step of a graph has failed or cannot start. The run has not recorded it, so it can be retried. */
export const stepFailed = ({ step, id, status, error }: FailedStep) =>
  forGood(
    new MayflyError({
      code: "job_failed",
      message: `The step ${step} ${ends[status] ?? "failed"}${error ? `: ${error.message}` : "."}`,
      hint:
        status === "failed"
          ? "Look at it with jobs.get. Redrive its job and then the run, which continues from there."
          : "Correct it and start another run, or move this run to a version with another graph.",
      details: { step, id: id ?? null, status, error },
    }),
  );

const ends: Record<string, string> = {
  failed: "failed",
  cancelled: "was cancelled",
  discarded: "has lost its job, which was discarded",
  unfit: "cannot begin",
};

export const notApproved = (title: string, id: string, status: string, reasons: string[]) =>
  forGood(
    new MayflyError({
      code: status === "expired" ? "approval_expired" : "approval_rejected",
      message:
        status === "expired"
          ? `Nobody decided "${title}" in time.`
          : `"${title}" was ${status === "cancelled" ? "withdrawn" : "rejected"}${reasons[0] ? `: ${reasons[0]}` : "."}`,
      hint: "Catch this error to continue without the approval, and do nothing that needs it.",
      details: { id, status, reasons },
    }),
  );

/** A failure after which the workflow continued. It is thrown again in every later attempt. */
interface Thrown {
  $threw: { name: string; message: string; code?: string; retryable?: boolean };
}

export const toThrown = (error: unknown): Thrown => {
  const { name, message, code, retryable } = Object(error) as Record<string, unknown>;
  return {
    $threw: {
      name: typeof name === "string" ? name : "Error",
      message: typeof message === "string" ? message.slice(0, 2_000) : String(error),
      ...(typeof code === "string" && { code }),
      ...(typeof retryable === "boolean" && { retryable }),
    },
  };
};

/** @returns the error that a recorded result represents. Undefined for any other result. */
export function thrownOf(result: unknown): Error | undefined {
  const { $threw, ...rest } = Object(result) as Partial<Thrown>;
  if ($threw === undefined || Object.keys(rest).length > 0) return undefined;
  const { message, ...fields } = $threw;
  return Object.assign(new Error(message), fields);
}
