/** How model calls fail, and what to do then. */
import { MayflyError } from "../contract/errors.ts";

/** What is known about a failed call. */
export interface ModelFailure {
  code: string;
  message: string;
  /**
   * `retry`: the provider may answer later, and another one may answer now. `next`: this model will not
   * answer, but another may. `fatal`: no model will, because the request is wrong.
   */
  kind: "retry" | "next" | "fatal";
  /** Seconds, if the provider said when to come back. */
  retryAfter?: number;
}

interface ApiError {
  statusCode?: number;
  isRetryable?: boolean;
  responseHeaders?: Record<string, string>;
  message?: string;
  name?: string;
  cause?: unknown;
}

/**
 * Says how a model call failed, given an error of the AI SDK, of the network, or of Mayfly. It tells whether
 * another model or a later try may help, and when the provider said to come back.
 */
export function failureOf(error: unknown): ModelFailure {
  const { statusCode, isRetryable, responseHeaders, name = "" } = Object(error) as ApiError;
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 2_000);
  if (error instanceof MayflyError) {
    const { retry_after: wait } = Object(error.details) as { retry_after?: number };
    const isLater = error.code === "model_unavailable" || error.code === "rate_limited";
    return {
      code: error.code,
      message,
      kind: isLater ? "retry" : error.code === "price_unknown" ? "next" : "fatal",
      ...(wait !== undefined && { retryAfter: wait }),
    };
  }
  const wait = retryAfterOf(responseHeaders);
  const more = { message, ...(wait !== undefined && { retryAfter: wait }) };
  if (statusCode === 429) return { code: "model_rate_limited", kind: "retry", ...more };
  if (statusCode !== undefined && (statusCode >= 500 || statusCode === 408 || statusCode === 409))
    return { code: "model_failed", kind: "retry", ...more };
  if (statusCode === 401 || statusCode === 403 || statusCode === 404)
    return { code: "model_refused", kind: "next", ...more };
  if (statusCode !== undefined && statusCode >= 400 && !isRetryable)
    return { code: "model_refused", kind: "fatal", ...more };
  if (name === "AI_LoadAPIKeyError" || name === "AI_NoSuchModelError")
    return { code: "model_refused", kind: "next", ...more };
  // The network failed, or a stream was cut or had an error in the middle.
  return { code: "model_failed", kind: "retry", ...more };
}

/** `Retry-After` in seconds or as a date, or `retry-after-ms` of some providers. */
function retryAfterOf(headers: Record<string, string> = {}): number | undefined {
  const ms = Number(headers["retry-after-ms"]);
  if (headers["retry-after-ms"] !== undefined && ms >= 0) return ms / 1_000;
  const given = headers["retry-after"];
  if (given === undefined) return undefined;
  const seconds = Number(given);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(given);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1_000);
}

/** Ends a run, with its status and message. */
export class RunEnd extends Error {
  override readonly name = "RunEnd";
  readonly status: string;
  readonly code: string;

  constructor(status: string, message: string, code = status) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
