/**
 * The protocol between the Node side and the Deno side of the functions host, with one JSON object
 * per line. The host writes to the child's stdin, and the child writes to its stdout. Each line that
 * the child writes begins with a secret, which is new at each start, so that nothing that a function
 * prints can be taken for a message.
 */

export interface FunctionSpec {
  name: string;
  /** The entrypoint, as a `file:` URL. */
  url: string;
}

export type HostMessage =
  | { type: "start"; secret: string; functions: FunctionSpec[] }
  | { type: "ping" }
  /** Finish the background tasks, then exit. Sent only while no request is open. */
  | { type: "drain" };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type ChildMessage =
  | { type: "ready"; port: number; deno: string; failed: Record<string, string> }
  | { type: "pong" }
  | { type: "log"; level: LogLevel; function?: string; requestId?: string; message: string }
  /**
   * There was an uncaught error. The process still answers its open requests, but takes no new
   * ones.
   */
  | { type: "crash"; function?: string; requestId?: string; message: string };

/**
 * This header carries the secret of the start on every proxied request. The router removes the
 * header.
 */
export const SECRET_HEADER = "x-mayfly-functions-secret";
export const REQUEST_ID_HEADER = "x-request-id";
