/**
 * What the Node side and the Deno side of the functions host say to each other: one JSON object a
 * line. Host to child on stdin, child to host on stdout, where each line of the protocol begins
 * with the secret of this start, so that nothing a function prints can be taken for it.
 */

export interface FunctionSpec {
  name: string;
  /** file: URL of the entrypoint. */
  url: string;
}

export type HostMessage =
  | { type: "start"; secret: string; functions: FunctionSpec[] }
  | { type: "ping" }
  /** Finish the background tasks, then exit. Sent only when no request is in flight. */
  | { type: "drain" };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type ChildMessage =
  | { type: "ready"; port: number; deno: string; failed: Record<string, string> }
  | { type: "pong" }
  | { type: "log"; level: LogLevel; function?: string; requestId?: string; message: string }
  /** An uncaught error: the process still answers what it has, but takes nothing new. */
  | { type: "crash"; function?: string; requestId?: string; message: string };

/** Carries the start's secret on every proxied request; the router removes it. */
export const SECRET_HEADER = "x-mayfly-functions-secret";
export const REQUEST_ID_HEADER = "x-request-id";
