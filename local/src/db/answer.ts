import { code, commandComplete, cstring, errorFields, frames } from "./protocol.ts";
import type { Rewritten } from "./rewrite.ts";

export interface Notification {
  channel: string;
  payload: string;
}

/** A backend's answer without the parts that the client must not see. */
export interface Answer {
  /** What to send, without the closing ReadyForQuery. */
  parts: Buffer[];
  /** The backend's transaction status afterwards: I, T or E. Undefined before a Sync. */
  status: number | undefined;
  notifications: Notification[];
  failed: boolean;
  lastTag: string;
}

/**
 * Reads an answer of the backend. If an extended batch fails, PGlite sends ReadyForQuery twice: at the
 * error, and at the Sync. So this function removes every ReadyForQuery. Its caller sends the parts to the
 * client, and adds the correct ReadyForQuery.
 */
export function readAnswer(bytes: Buffer, batch: Rewritten): Answer {
  const answer: Answer = {
    parts: [],
    status: undefined,
    notifications: [],
    failed: false,
    lastTag: "",
  };
  let parses = 0;
  let tag = batch.tag;
  let keptFrom = 0;
  /** Replaces the message with `by`. Without `by`, removes the message. */
  const replace = (start: number, end: number, by?: Buffer) => {
    if (start > keptFrom) answer.parts.push(bytes.subarray(keptFrom, start));
    if (by) answer.parts.push(by);
    keptFrom = end;
  };
  for (const { type, start, end } of frames(bytes)) {
    const body = bytes.subarray(start + 5, end);
    if (type === code("Z")) {
      answer.status = body[0];
      replace(start, end);
    } else if (type === code("A")) {
      const { value: channel, next } = cstring(body, 4);
      answer.notifications.push({ channel, payload: cstring(body, next).value });
      replace(start, end);
    } else if (type === code("G")) {
      replace(start, end);
    } else if (type === code("1")) {
      if (batch.injected.has(++parses)) replace(start, end);
    } else if (type === code("C")) {
      answer.lastTag = cstring(body, 0).value;
      if (tag !== undefined && answer.lastTag === "DO") {
        replace(start, end, commandComplete(tag));
        tag = undefined;
      }
    } else if (type === code("E")) {
      answer.failed = true;
      const refused = batch.refusals.get(wordOf(body));
      if (refused) replace(start, end, refused);
    }
  }
  replace(bytes.length, bytes.length);
  return answer;
}

const wordOf = (errorBody: Buffer): string =>
  /mayfly_refusal_\d+/.exec(errorFields(errorBody).message)?.[0] ?? "";
