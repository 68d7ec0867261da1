import {
  FunctionsFetchError,
  FunctionsHttpError,
  type PostgrestError,
  type SupabaseClient,
} from "@supabase/supabase-js";
import type { Database } from "./database.types.ts";
import { type ErrorBody, failed, isErrorCode, MayflyError, ok, type Result } from "./errors.ts";
import { storableRule } from "./storable.ts";

export type MayflyClient = SupabaseClient<Database, "mayfly">;

/** The platform itself answers within 150 s; what takes longer than this is as good as gone. */
const timeoutMs = 60_000;
/** It has 5 s for an embedding and 8 s in the database, and who asks may have an answer of its own. */
const queryTimeoutMs = 20_000;

/**
 * Calls an edge function and unwraps its `{ data, error }`.
 *
 * @param onResponse is shown what came over HTTP, if anything did.
 */
export async function callFunction<T>(
  client: MayflyClient,
  path: string,
  body: object,
  method: "POST" | "DELETE" = "POST",
  headers: Record<string, string> = {},
  onResponse?: (response: Response) => void,
): Promise<Result<T>> {
  const { data, error, response } = await client.functions.invoke<{ data: T }>(path, {
    body,
    method,
    timeout: path === "query" ? queryTimeoutMs : timeoutMs,
    headers,
  });
  if (response) onResponse?.(response);
  if (!error) return ok((data as { data: T }).data);
  if (error instanceof FunctionsHttpError)
    return failed(await readError(error.context as Response, path));
  const reason =
    error instanceof FunctionsFetchError ? "could not be reached" : "failed on the way";
  return failed(
    new MayflyError(
      {
        code: "unavailable",
        message: `The function ${path} ${reason}.`,
        hint: "Check the URL and the network, then try again.",
        details: null,
      },
      { cause: error },
    ),
  );
}

async function readError(response: Response, path: string): Promise<MayflyError> {
  const body = (await response.json().catch(() => null)) as { error?: Partial<ErrorBody> } | null;
  const { code, message, hint = null, details = null, request_id } = body?.error ?? {};
  if (message === undefined) return inFront(response.status, path);
  return new MayflyError({
    code: isErrorCode(code) ? code : fallbackCode(response.status),
    message,
    hint,
    details,
    ...(request_id && { request_id }),
  });
}

/**
 * An answer of the platform, or of whatever else is in front of the functions: it says nothing of the
 * request, unless that is too large. So nobody takes it for a refusal of what it carried.
 */
function inFront(status: number, path: string): MayflyError {
  const code = fallbackCode(status);
  const missing = status === 404;
  return new MayflyError({
    code: code === "invalid_request" && status !== 413 ? "unavailable" : code,
    message: missing
      ? `There is no function ${path} at this address.`
      : `Something in front of the function ${path} answered ${status}.`,
    hint: missing
      ? "Check the URL, and that the functions are deployed: npx mayfly doctor."
      : "Try again. npx mayfly doctor says what is wrong with the project.",
    details: { status },
  });
}

/** Of the platform's own, which pass: over its quota, too slow, too many. */
const passingStatuses = [402, 408, 425, 429];

/** For answers without a code of ours. */
function fallbackCode(status: number) {
  if (status === 401 || status === 403) return "not_authorized";
  return status < 500 && !passingStatuses.includes(status) ? "invalid_request" : "unavailable";
}

/** The result of a Data API call. */
export function fromDataApi<T>(answer: {
  data: T | null;
  error: PostgrestError | null;
  status: number;
}): Result<T> {
  const { data, error, status } = answer;
  if (!error) return ok(data as T);
  if (/^JWT expired/i.test(error.message)) return failed(expired(error));
  if (unfitCodes.includes(error.code)) return failed(unfit(error));
  if (!status) return failed(unreached(error));
  return failed(
    new MayflyError(
      {
        code: isErrorCode(error.code) ? error.code : fallbackCode(status),
        message: error.message,
        hint: error.hint || null,
        details: detailsOf(error.details),
      },
      { cause: error },
    ),
  );
}

/** There was no answer. */
function unreached(cause: PostgrestError): MayflyError {
  // With its stack; in Node the reason is the cause of "fetch failed".
  const [, why] = /^Caused by: (?:\w+: )?(.*?)(?: \(\w+\))?$/m.exec(cause.details ?? "") ?? [];
  const reason = why ?? cause.message.replace(/^\w*Error: /, "");
  return new MayflyError(
    {
      code: "unavailable",
      message: `The Data API could not be reached: ${reason}.`,
      hint: "Check the URL and the network, then try again.",
      details: null,
    },
    { cause },
  );
}

/** Of Postgres: not of the type, out of its range, no instant, no text. */
const unfitCodes = ["22P02", "22003", "22007", "22008", "22P05"];

function unfit(cause: PostgrestError): MayflyError {
  // JSON that a client has written has no other fault.
  const half = cause.code === "22P05" || /surrogate/.test(cause.details ?? "");
  return new MayflyError(
    {
      code: "invalid_request",
      message: half ? `A text ${storableRule}.` : `${cause.message}.`,
      hint: "Nothing was done. Correct the value.",
      details: detailsOf(cause.details),
    },
    { cause },
  );
}

/** Who ends with its token is told so by its renewal: until then another may come. */
const expired = (cause: PostgrestError) =>
  new MayflyError(
    {
      code: "unavailable",
      message: "The caller's token has expired.",
      hint: "It could not be renewed in time. Try again, or sign in anew.",
      details: null,
    },
    { cause },
  );

/** SQL gives details as JSON; Postgres' own are text. */
function detailsOf(text: string | null): unknown {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}
