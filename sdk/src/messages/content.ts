import { idOf } from "../contract/ids.ts";
import type { KnownMessageType, PayloadOf } from "../contract/messages.ts";
import { fromRow } from "../link/rows.ts";

/**
 * The recipients of a message: an agent or a person (by id), every living agent, all agents with a type,
 * role or capability, or a channel. The role of an agent is that of its type.
 */
export type MessageTarget =
  | string
  | { agent: string }
  | { all: true }
  | { type: string }
  | { role: string }
  | { capability: string }
  | { channel: string };

/** A reference in a message to content that is stored elsewhere. */
export interface Attachment {
  name: string;
  uri: string;
  mimeType?: string;
  bytes?: number;
  /** In 64 hexadecimal digits. */
  sha256?: string;
}

/** Options of a message. */
export interface SendOptions {
  /**
   * A trace context (W3C `traceparent`), passed on to the recipients. By default the context of the current
   * span.
   */
  trace?: string;
  /** A UUIDv7, made for you if you leave it out. Sending the same id again changes nothing. */
  id?: string;
  conversationId?: string;
  /** The sender's own id, up to 200 characters. Replies keep it. */
  correlationId?: string;
  /** The id of the message that it answers. */
  replyTo?: string;
  /** Shown to the recipient. It does not change the order. `normal` by default. */
  priority?: Priority;
  replyRequired?: boolean;
  /** After this time the message is no longer delivered. */
  deadline?: Date;
  /** 20 at most. */
  attachments?: Attachment[];
}

/** How important a message is. It does not change the order. */
export type Priority = "low" | "normal" | "high" | "urgent";

/** A message that was sent. */
export interface Sent {
  id: string;
  /** How many inboxes it is in. Missing for a message in a channel. */
  recipients?: number;
  /** Its number in the channel. */
  seq?: number;
}

/** A message as it was delivered. */
export interface MessageContent<T extends string = string> {
  id: string;
  type: T;
  /** Its number in the inbox or the channel. */
  seq: number;
  /** Starts at 1. Above 1, a process may have handled the message before, but could not acknowledge it. */
  attempt: number;
  /** Set by the server. Null for the secret key. */
  senderId: string | null;
  senderKind: "agent" | "person" | "service";
  to: Exclude<MessageTarget, string>;
  conversationId: string | null;
  correlationId: string | null;
  replyTo: string | null;
  priority: Priority;
  replyRequired: boolean;
  deadline: Date | null;
  payload: T extends KnownMessageType ? PayloadOf<T> : Record<string, unknown>;
  attachments: Attachment[];
  /** The trace context of its sender (W3C `traceparent`). */
  trace: string | null;
  sentAt: Date;
}

/** A message in the form that SQL returns and expects. */
export interface MessageRow {
  id: string;
  seq: number;
  attempt?: number;
  type: string;
  payload: Record<string, unknown>;
  attachments: Record<string, unknown>[];
  [more: string]: unknown;
}

export function messageFromRow(row: MessageRow): MessageContent {
  const { payload, attachments, to, attempt = 1, deadline, session: _, trace, ...rest } = row;
  return {
    ...(fromRow(rest) as unknown as MessageContent),
    attempt,
    trace: typeof trace === "string" ? trace : null,
    deadline: typeof deadline === "string" ? new Date(deadline) : null,
    to: to as Exclude<MessageTarget, string>,
    // Keep the names of the sender's own fields.
    payload,
    attachments: attachments.map((attachment) => fromRow(attachment) as unknown as Attachment),
  };
}

/** A message for `send_messages`. */
export interface OutgoingMessage {
  id: string;
  to: Exclude<MessageTarget, string>;
  type: string;
  payload: Record<string, unknown>;
  [more: string]: unknown;
}

function recipientOf(to: MessageTarget): Exclude<MessageTarget, string> {
  if (typeof to === "string") return { agent: idOf(to) };
  return to && "agent" in to ? { ...to, agent: idOf(to.agent) } : to;
}

export function outgoing(
  id: string,
  to: MessageTarget,
  type: string,
  payload: Record<string, unknown>,
  options: SendOptions,
): OutgoingMessage {
  const { conversationId, correlationId, replyTo, priority, replyRequired, deadline, trace } =
    options;
  return {
    id,
    to: recipientOf(to),
    type,
    payload,
    ...(conversationId !== undefined && { conversation_id: idOf(conversationId) }),
    ...(correlationId !== undefined && { correlation_id: correlationId }),
    ...(replyTo !== undefined && { reply_to: idOf(replyTo) }),
    ...(priority !== undefined && { priority }),
    ...(replyRequired !== undefined && { reply_required: replyRequired }),
    ...(deadline !== undefined && { deadline: deadline.toISOString() }),
    ...(trace !== undefined && { trace }),
    ...(options.attachments && {
      attachments: options.attachments.map(({ mimeType, ...rest }) => ({
        ...rest,
        ...(mimeType !== undefined && { mime_type: mimeType }),
      })),
    }),
  };
}
