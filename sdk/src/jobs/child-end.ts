import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { childEnd } from "./answers.ts";
import type { JobError } from "./types.ts";

/** What a child gave, from the payload of the signal that its parent gets when the child ends. */
export function resultOfChild<T>(payload: unknown, id: string, name: string): Result<T> {
  const { status, result, error } = childEnd.parse(payload);
  return status === "succeeded"
    ? ok((result ?? null) as T)
    : failed(childFailed(id, name, status, error));
}

const childFailed = (id: string, name: string, status: string, error: JobError | undefined) =>
  new MayflyError({
    code: "job_failed",
    message: `The child ${name} ${status === "failed" ? "failed" : "was cancelled"}${error ? `: ${error.message}` : "."}`,
    hint: "Look at it with jobs.get, and redrive it or continue without it.",
    details: { id, status, error: error ?? null },
  });
