import type { Note } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";
import type { MessageContent, MessageTarget, Sent } from "./content.ts";

/** What the SDK reports in an agent's debug stream about an outgoing message. */
interface Leaving {
  id: string;
  to: MessageTarget;
  type: string;
  payload: unknown;
}

/** That a message was sent, and how long it took, is basic. Its content is verbose. */
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

/** Calls a handler. The call is reported as detailed, and the return as basic. */
export async function noteHandling(
  note: Note,
  message: MessageContent,
  channel: string | undefined,
  handle: () => unknown,
): Promise<void> {
  const { id, type, seq, attempt, senderId, payload } = message;
  const about = () => ({ id, type, from: senderId, seq, attempt, channel });
  note("message", "received", about, { level: "detailed" });
  note("message", "received: payload", () => ({ id, payload }), { level: "verbose" });
  const began = performance.now();
  try {
    await handle();
    note("message", "handled", about, { level: "basic", durationMs: performance.now() - began });
  } catch (error) {
    const durationMs = performance.now() - began;
    note("error", "handler", () => ({ ...about(), error }), { durationMs });
    throw error;
  }
}
