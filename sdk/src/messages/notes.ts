import type { Note } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { observe } from "../link/observe.ts";
import type { MessageContent, MessageTarget, Sent } from "./content.ts";

/** What the SDK reports in an agent's debug stream about an outgoing message. */
interface Leaving {
  id: string;
  to: MessageTarget;
  type: string;
  payload: unknown;
}

/** Records a sent message and its duration at the level `basic`, and its content at the level `verbose`. */
export function noteSent(
  note: Note,
  { id, to, type, payload }: Leaving,
  { data, error }: Result<Sent>,
  durationMs: number,
): void {
  if (error)
    note("error", "send", () => ({ id, to, type, code: error.code, message: error.message }), {
      durationMs,
    });
  else {
    note("message", "sent", () => ({ ...data, to, type }), { level: "basic", durationMs });
    note("message", "sent: payload", () => ({ id, payload }), { level: "verbose" });
  }
}

/** Calls a handler in a span. Records the call at the level `detailed`, and its return at the level `basic`. */
export async function noteHandling(
  { note, telemetry, tenantId }: Link,
  message: MessageContent,
  channel: string | undefined,
  handle: () => unknown,
): Promise<void> {
  const { id, type, seq, attempt, senderId, payload, trace } = message;
  const about = () => ({ id, type, from: senderId, seq, attempt, channel });
  note("message", "received", about, { level: "detailed" });
  note("message", "received: payload", () => ({ id, payload }), { level: "verbose" });
  const began = performance.now();
  try {
    const span = () => ({ kind: "message", type, id, attempt, tenantId, trace }) as const;
    await observe(telemetry, span, async () => handle());
    note("message", "handled", about, { level: "basic", durationMs: performance.now() - began });
  } catch (error) {
    const durationMs = performance.now() - began;
    note("error", "handler", () => ({ ...about(), error }), { durationMs });
    throw error;
  }
}
