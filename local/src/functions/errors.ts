import { REQUEST_ID_HEADER } from "./protocol.ts";

/** The host's own failures. A function's own errors pass through untouched. */
const FAILURES = {
  function_not_found: { status: 404, hint: "Only functions in supabase/config.toml are served." },
  unauthorized: { status: 401, hint: "This function has verify_jwt = true: send a valid token." },
  function_crashed: { status: 500, hint: "The log has the error under this request id." },
  function_boot_error: {
    status: 503,
    hint: "The log has the reason. Save a fix, and it is loaded again.",
  },
  functions_unavailable: { status: 503, hint: "The log has the reason. Try again in a moment." },
  function_timeout: { status: 504, hint: "Answer sooner, and do long work in waitUntil." },
  /** 546 is what hosted Supabase answers when a worker ran out of CPU time. */
  worker_limit: { status: 546, hint: "A function kept the CPU busy. See the log." },
  client_closed: { status: 499, hint: "The caller ended the request." },
} as const;

export type FailureCode = keyof typeof FAILURES;

/**
 * An answer in the envelope that every function uses. A browser may read it: the function that
 * would have set the CORS headers gave no answer.
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

/** What a hosted project answers for a function that it has ended for its CPU time or its age. */
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

/** This folder's own frames say nothing about a function. */
const OWN_FOLDER = new URL(".", import.meta.url).href;

/** The first line of an error and where it happened, as one line for a log. */
export function oneLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const first = lines.find((line) => line !== "") ?? "unknown error";
  const frame = lines.find((line) => /^at .*file:/.test(line) && !line.includes(OWN_FOLDER));
  const place = frame?.match(/file:[^\s)]+/)?.[0];
  return place && !first.includes(place) ? `${first} (${place})` : first;
}
