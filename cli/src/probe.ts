import type { Connection } from "./connection.ts";

/** The answer of a project, or the reason why it gave none. */
export interface Answer {
  /** The HTTP status. 0 if the project could not be reached. */
  status: number;
  /** The parsed body if it is JSON, otherwise null. */
  body: unknown;
  headers: Headers;
  ms: number;
  /** Why the project could not be reached. Null if it answered. */
  reason: string | null;
}

interface ProbeOptions {
  method?: string;
  body?: unknown;
  /** A token to send instead of the secret key. */
  token?: string;
  /** Whether to send no key at all. */
  anonymous?: boolean;
  headers?: Record<string, string>;
}

const timeoutMs = 20_000;

/** Calls a project directly, because the client libraries hide what a diagnosis needs. */
export async function probe(
  { url, key }: Pick<Connection, "url" | "key">,
  path: string,
  { method = "GET", body, token, anonymous = false, headers = {} }: ProbeOptions = {},
): Promise<Answer> {
  const started = performance.now();
  const ms = () => Math.round(performance.now() - started);
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(!anonymous && { apikey: key, ...authorization(token ?? key) }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: parse(text),
      headers: response.headers,
      ms: ms(),
      reason: null,
    };
  } catch (error) {
    return { status: 0, body: null, headers: new Headers(), ms: ms(), reason: reasonOf(error) };
  }
}

/** The header for a token. New API keys are not tokens, so they get none. Legacy keys are tokens. */
export const authorization = (token: string): Record<string, string> =>
  token.startsWith("sb_") ? {} : { authorization: `Bearer ${token}` };

/** Headers that choose the schema mayfly in the Data API. */
export const inMayfly = { "accept-profile": "mayfly", "content-profile": "mayfly" };

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const cause = error.cause as { code?: string; message?: string } | undefined;
  const known: Record<string, string> = {
    ENOTFOUND: "the host does not exist",
    EAI_AGAIN: "the host name could not be resolved",
    ECONNREFUSED: "nothing listens there",
    ECONNRESET: "the connection was cut",
    UND_ERR_SOCKET: "the connection was cut",
  };
  return known[cause?.code ?? ""] ?? cause?.message ?? error.message;
}

/** The code of a PostgREST or Mayfly error, if the answer has one. */
export function codeOf({ body }: Answer): string | undefined {
  const { code, error } = (body ?? {}) as { code?: unknown; error?: { code?: unknown } };
  const found = error?.code ?? code;
  return typeof found === "string" ? found : undefined;
}
