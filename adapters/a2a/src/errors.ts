import { A2AError, RequestMalformedError, TaskNotFoundError } from "@a2a-js/sdk/errors";
import { MayflyError, type Result } from "@mayfly/sdk";

/** A Mayfly error for which the protocol has no code. Mayfly's code is in `metadata`. */
class Refused extends A2AError {
  override readonly reason: string;

  constructor(error: MayflyError, metadata: Record<string, string>) {
    super({ message: error.message, metadata });
    this.reason = error.code.toUpperCase();
  }
}

/** The protocol's error for a Mayfly error, with Mayfly's stable code and the field. */
export function refused(error: MayflyError): A2AError {
  const { code, message, hint, details } = error;
  if (code === "run_unknown" || code === "job_unknown") return new TaskNotFoundError();
  const field = (details as { field?: unknown } | null)?.field;
  const metadata = {
    code,
    ...(hint && { hint }),
    ...(typeof field === "string" && { field: field === "input" ? "message.parts" : field }),
  };
  if (code === "invalid_request") return new RequestMalformedError({ message, metadata });
  return new Refused(error, metadata);
}

/** The error to send for anything that was thrown. The client learns nothing about an unknown error. */
export function saidOf(error: unknown): A2AError {
  if (error instanceof A2AError) return error;
  return error instanceof MayflyError ? refused(error) : new A2AError("The server failed.");
}

/** Returns the data of a result, or throws its error. */
export function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw refused(error);
  return data as T;
}
