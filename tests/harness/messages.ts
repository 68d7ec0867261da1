/** Messages for tests of SQL. */
import { randomUUID } from "node:crypto";

export interface SentMessage {
  id: string;
  to: Record<string, unknown>;
  type: string;
  payload?: unknown;
  [more: string]: unknown;
}

/** A message to an agent by its id, or to another target. */
export function messageTo(
  to: string | Record<string, unknown>,
  more: Record<string, unknown> = {},
): SentMessage {
  return {
    id: randomUUID(),
    to: typeof to === "string" ? { agent: to } : to,
    type: "info",
    payload: { text: "hello" },
    ...more,
  };
}
