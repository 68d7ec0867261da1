import postgres from "postgres";

/** PostgREST's error envelope. */
export interface ApiError {
  code: string;
  message: string;
  details?: string | null;
  hint?: string | null;
}

/** An answer in PostgREST's error envelope. */
export function apiError(status: number, error: ApiError, headers: HeadersInit = {}): Response {
  const { code, message, details = null, hint = null } = error;
  const all = new Headers(headers);
  all.set("content-type", "application/json; charset=utf-8");
  return new Response(JSON.stringify({ code, details, hint, message }), { status, headers: all });
}

// PostgREST's table (Error.hs, pgErrorStatus). Everything else is 400.
const statusByCode: Record<string, number> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "53400": 500,
  "57P01": 503,
  // The database has crashed. PostgREST has no connection then, and answers 503, too.
  "57P02": 503,
  "57P03": 503,
};
const statusByClass: Record<string, number> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

function statusOf(code: string, message: string, authenticated: boolean): number {
  const custom = /^PT(\d{3})$/.exec(code);
  if (custom) return Number(custom[1]);
  if (code.startsWith("PT")) return 500;
  if (code === "P0001") return 400;
  if (code === "42501") return authenticated ? 403 : 401;
  // The role that a token names does not exist.
  if (code === "22023" && message.startsWith("role ") && message.endsWith("does not exist"))
    return 401;
  return statusByCode[code] ?? statusByClass[code.slice(0, 2)] ?? 400;
}

/** PostgREST's answer to a database error. `authenticated` means any role except anon. */
export function databaseError(error: postgres.PostgresError, authenticated: boolean): Response {
  if (error.code === "PGRST") return raisedByHand(error);
  const status = statusOf(error.code, error.message, authenticated);
  const headers: Record<string, string> = status === 401 ? { "www-authenticate": "Bearer" } : {};
  const body = {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? null,
  };
  return apiError(status >= 200 && status <= 599 ? status : 500, body, headers);
}

/**
 * Whether the error is the database's answer to a statement. If not, it is a lost connection or a
 * bug.
 */
export function isDatabaseError(error: unknown): error is postgres.PostgresError {
  return error instanceof postgres.PostgresError;
}

/** PostgREST's answer to a refused or lost connection. */
export function connectionError(): Response {
  const message = "Database client error. Retrying the connection.";
  return apiError(503, { code: "PGRST001", message });
}

const messageHint =
  "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
const detailHint =
  "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";

/** `raise sqlstate 'PGRST' using message = '{"code",…}', detail = '{"status","headers"}'`. */
function raisedByHand(error: postgres.PostgresError): Response {
  const wrong = (details: string, hint: string) =>
    apiError(500, {
      code: "PGRST121",
      message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`,
      details,
      hint,
    });
  const message = object(error.message);
  if (typeof message?.code !== "string" || typeof message.message !== "string")
    return wrong(`Invalid JSON value for MESSAGE: '${error.message}'`, messageHint);
  if (!error.detail) return wrong("DETAIL is missing in the RAISE statement", detailHint);
  const detail = object(error.detail);
  const headers = detail?.headers;
  if (typeof detail?.status !== "number" || typeof headers !== "object" || headers === null)
    return wrong(`Invalid JSON value for DETAIL: '${error.detail}'`, detailHint);

  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const answer = { "content-type": "application/json; charset=utf-8", ...stringsOf(headers) };
  const body = {
    code: message.code,
    details: text(message.details),
    hint: text(message.hint),
    message: message.message,
  };
  const { status } = detail;
  const statusText = text(detail.status_text);
  return new Response(JSON.stringify(body), {
    status: status >= 200 && status <= 599 ? status : 500,
    headers: answer,
    ...(statusText ? { statusText } : {}),
  });
}

function stringsOf(headers: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => {
      return typeof entry[1] === "string";
    }),
  );
}

function object(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
