import { Artifact, Message, type Part } from "@a2a-js/sdk";
import {
  ContentTypeNotSupportedError,
  RequestMalformedError,
  UnsupportedOperationError,
} from "@a2a-js/sdk/errors";

/**
 * Checks an id, which becomes part of the key `a2a/<contextId>/<messageId>`. A key may have 150 characters.
 */
export function checkId(field: string, id: string, most = 64): void {
  if (!/^[\w.:-]+$/.test(id) || id.length > most)
    throw malformed(field, `must be 1 to ${most} letters, digits or one of _.:-`);
}

/** The request in a message. */
export interface Asked {
  messageId: string;
  contextId: string;
  input: unknown;
}

/** Reads a message. A single part reaches the agent unchanged. Several parts become one text. */
export function askedBy(message: Message | undefined): Asked {
  if (!message) throw malformed("message", "must be there");
  const { messageId, contextId, taskId, parts } = message;
  checkId("message.messageId", messageId, 80);
  if (contextId) checkId("message.contextId", contextId);
  if (taskId)
    throw new UnsupportedOperationError({
      message: "A task takes one message. Send another one with the contextId, for a new task.",
      metadata: { field: "message.taskId" },
    });
  if (parts.length === 0) throw malformed("message.parts", "must have a text or data");
  const said = parts.map(({ content }, at) => {
    if (content?.$case === "text") return content.value;
    if (content?.$case === "data") return content.value as unknown;
    throw new ContentTypeNotSupportedError({
      message: `message.parts[${at}] must be a text or data: files are not taken.`,
      metadata: { field: `message.parts[${at}]` },
    });
  });
  const texts = said.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  const input = said.length === 1 ? said[0] : texts.join("\n");
  return { messageId, contextId: contextId || crypto.randomUUID(), input };
}

/** The message, rebuilt from what was recorded. */
export const messageOf = ({ messageId, contextId, input }: Asked, taskId: string): Message =>
  Message.fromJSON({ messageId, contextId, taskId, role: "ROLE_USER", parts: [partOf(input)] });

/** A message of the agent about how its task ended. */
export const saidBy = (taskId: string, contextId: string, said: string): Message =>
  Message.fromJSON({
    ...{ messageId: `${taskId}:end`, taskId, contextId, role: "ROLE_AGENT" },
    parts: [partOf(said)],
  });

/** The answer of a task, which is its only artifact. */
export const answerOf = (output: unknown): Artifact =>
  Artifact.fromJSON({ artifactId: "answer", name: "answer", parts: [partOf(output)] });

const partOf = (value: unknown): unknown =>
  typeof value === "string" ? { text: value } : { data: value };

/** The text of a part, if it is a text. */
export const textOf = ({ content }: Part): string | undefined =>
  content?.$case === "text" ? content.value : undefined;

export const malformed = (field: string, rule: string) =>
  new RequestMalformedError({
    message: `${field} ${rule}.`,
    metadata: { field, code: "invalid_request" },
  });
