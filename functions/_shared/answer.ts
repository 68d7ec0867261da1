/** The envelope of every function: `{ data, error }`. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";
import type { ErrorBody, ErrorCode } from "../../sdk/src/contract/errors.ts";
import { parseJson } from "../../sdk/src/contract/numbers.ts";
import { faultOf } from "../../sdk/src/contract/sync-request.ts";
import { isTooDeep } from "./depth.ts";

/** An error on its way to the caller. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: ErrorCode;
  readonly hint: string | null;
  readonly details: unknown;

  constructor(
    status: ContentfulStatusCode,
    code: ErrorCode,
    message: string,
    hint: string | null = null,
    details: unknown = null,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

export function answerData(context: Context, data: unknown): Response {
  return context.json({ data, error: null });
}

export function answerError(context: Context, error: unknown): Response {
  const requestId: string = context.get("requestId");
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal(
          500,
          "internal",
          "Mayfly failed to answer this request.",
          "Try again. The function's logs have the error under this request id.",
        );
  if (refusal.status >= 500) {
    const cause = error instanceof Refusal ? (error.cause ?? error) : error;
    console.error(
      JSON.stringify({ request_id: requestId, code: refusal.code, error: String(cause) }),
    );
  }
  const body: ErrorBody = {
    code: refusal.code,
    message: refusal.message,
    hint: refusal.hint,
    details: refusal.details,
    request_id: requestId,
  };
  const retryAfter = (refusal.details as { retry_after?: number } | null)?.retry_after;
  if (retryAfter !== undefined) context.header("Retry-After", String(retryAfter));
  return context.json({ data: null, error: body }, refusal.status);
}

/** Reads and validates the body of a request. An empty body counts as `{}`. */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const text = await context.req.text();
  if (isTooDeep(text)) {
    throw new Refusal(400, "invalid_request", "The body is nested deeper than 64 levels.");
  }
  let body: unknown;
  try {
    body = text === "" ? {} : parseJson(text);
  } catch {
    throw new Refusal(400, "invalid_request", "The body is not JSON.");
  }
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const issue = faultOf(error, body);
  const path = (issue?.path ?? []).map(String);
  const field = path.join(".");
  // As in the errors of SQL, the index and the field say which value of the push is wrong.
  const [push, index, ...rest] = path;
  const inPush = push === "push" && index !== undefined;
  throw new Refusal(
    400,
    inPush ? "invalid_operation" : "invalid_request",
    `${inPush ? `push[${index}].${rest.join(".")}` : field || "The body"}: ${issue?.message}`,
    inPush ? "Nothing of this push was applied. Correct it, or leave the operation out." : null,
    inPush ? { index: Number(index), field: rest.join(".") } : field ? { field } : null,
  );
}
