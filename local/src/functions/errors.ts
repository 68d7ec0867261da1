import { REQUEST_ID_HEADER } from "./protocol.ts";

/** The host's own failures. A function's own errors are passed on unchanged. */
const FAILURES = {
  function_not_found: {
    status: 404,
    hint: "Add the function to supabase/config.toml, because only these functions are served.",
  },
  unauthorized: {
    status: 401,
    hint: "Send a valid token, because this function has verify_jwt = true.",
  },
  function_crashed: { status: 500, hint: "See the error in the log, under this request id." },
  function_boot_error: {
    status: 503,
    hint: "See the reason in the log. When you save a fix, the function is loaded again.",
  },
  functions_unavailable: {
    status: 503,
    hint: "See the reason in the log, and try again in a moment.",
  },
  function_timeout: { status: 504, hint: "Answer sooner, and do long work in waitUntil." },
  /** Hosted Supabase answers 546 when a worker has run out of CPU time. */
  worker_limit: { status: 546, hint: "A function kept the CPU busy. See the log." },
  client_closed: { status: 499, hint: "The caller ended the request." },
} as const;

export type FailureCode = keyof typeof FAILURES;

/**
 * An answer in the envelope that every function uses. A browser may read it, because the function
 * that would have set the CORS headers gave no answer.
 */
export function failure(
  code: FailureCode,
  message: string,
  requestId: string,
  status: number = FAILURES[code].status,
): Response {
  const error = { code, message, hint: FAILURES[code].hint, details: null, request_id: requestId };
  return Response.json(
    { data: null, error },
    {
      status,
      headers: {
        [REQUEST_ID_HEADER]: requestId,
        "access-control-allow-origin": "*",
        "access-control-expose-headers": REQUEST_ID_HEADER,
      },
    },
  );
}

/**
 * The answer of a hosted project for a function that it ended because of its CPU time or its age.
 */
export const workerEnded = (requestId: string): Response =>
  Response.json(
    {
      code: "WORKER_RESOURCE_LIMIT",
      message: "Function failed due to not having enough compute resources (please check logs)",
    },
    {
      status: FAILURES.worker_limit.status,
      headers: { [REQUEST_ID_HEADER]: requestId, "access-control-allow-origin": "*" },
    },
  );

/** Stack frames with files in this folder say nothing about the function. */
const OWN_FOLDER = new URL(".", import.meta.url).href;

/** The first line of an error and where it happened, as one line for a log. */
export function oneLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const first = lines.find((line) => line !== "") ?? "unknown error";
  const frame = lines.find((line) => /^at .*file:/.test(line) && !line.includes(OWN_FOLDER));
  const place = frame?.match(/file:[^\s)]+/)?.[0];
  return place && !first.includes(place) ? `${first} (${place})` : first;
}
