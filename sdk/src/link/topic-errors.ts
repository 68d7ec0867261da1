import { MayflyError } from "../contract/errors.ts";
import { hintOf } from "./connection-errors.ts";

/** Why the server refused. Undefined if the connection was lost. */
export function reasonOf(error: Error | undefined): string | undefined {
  const { reason, code } = (error?.cause ?? {}) as { reason?: unknown; code?: unknown };
  // A close event, which means a lost connection, has a code.
  return typeof reason === "string" && code === undefined ? reason : undefined;
}

export function explain(topic: string, reason: string): MayflyError {
  if (reason.startsWith("Unauthorized"))
    return new MayflyError({
      code: "not_authorized",
      message: `The caller may not listen to ${topic}.`,
      hint: "Check that it has the scope and that the agent is alive. The SDK tries again.",
      details: { reason },
    });
  return new MayflyError({
    code: "unavailable",
    message: `Listening to ${topic} failed: ${reason}.`,
    hint: hintOf(reason),
    details: { reason },
  });
}

export const notJoined = (topic: string) =>
  new MayflyError({
    code: "unavailable",
    message: `${topic} is not connected at the moment.`,
    hint: "Wait for the connection, or send a message instead.",
    details: null,
  });

export const refused = (topic: string, answer: string) =>
  new MayflyError({
    code: "broadcast_refused",
    message: `Realtime refused the broadcast to ${topic}: ${answer}.`,
    hint: "Check that the caller may send there, and that the payload has less than 256 KB.",
    details: { answer },
  });

export const left = (topic: string) =>
  new MayflyError({
    code: "unavailable",
    message: `${topic} was left.`,
    hint: "Join it again.",
    details: null,
  });
