import { idOf } from "../contract/ids.ts";
import type { KnownMessageType, PayloadOf } from "../contract/messages.ts";
import { fromRow } from "../link/rows.ts";

/**
 * To whom a message goes: the id of an agent or a person; every living agent; those of a type, of a role
 * (as their type defines it), with a capability; or a channel.
 */
export type MessageTarget =
  | string
  | { agent: string }
  | { all: true }
  | { type: string }
  | { role: string }
  | { capability: string }
  | { channel: string };

/** Something that a message refers to; the content is elsewhere. */
export interface Attachment {
  name: string;
  uri: string;
  mimeType?: string;
  bytes?: number;
  /** In 64 hexadecimal digits. */
  sha256?: string;
}

/** What a message says beside its payload. */
export interface SendOptions {
  /** A UUIDv7; sending it again changes nothing. Made by itself without it. */
  id?: string;
  conversationId?: string;
  /** Of the sender's own, up to 200 characters; replies carry it on. */
  correlationId?: string;
  /** The id of the message that it answers. */
  replyTo?: string;
  /** Said to the recipient; the order is that of sending all the same. `normal` by default. */
  priority?: Priority;
  replyRequired?: boolean;
  /** After it nobody is given the message any more. */
  deadline?: Date;
  /** 20 at most. */
  attachments?: Attachment[];
}

/** How much a message matters; it changes nothing of the order. */
export type Priority = "low" | "normal" | "high" | "urgent";

/** A message that was sent. */
export interface Sent {
  id: string;
  /** In how many inboxes it is; absent for one in a channel. */
  recipients?: number;
  /** Its number in the channel. */
  seq?: number;
}

/** A message as it came. */
export interface MessageContent<T extends string = string> {
  id: string;
  type: T;
  /** Its number in the inbox or the channel. */
  seq: number;
  /** From 1. Above it, it may have been handled before: by a process that did not get to say so. */
  attempt: number;
  /** Stamped by the server; null for the secret key. */
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
  sentAt: Date;
}

/** A message as SQL gives and takes it. */
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
  const { payload, attachments, to, attempt = 1, deadline, session: _, ...rest } = row;
  return {
    ...(fromRow(rest) as unknown as MessageContent),
    attempt,
    deadline: typeof deadline === "string" ? new Date(deadline) : null,
    to: to as Exclude<MessageTarget, string>,
    // What the sender said is not renamed.
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
  const { conversationId, correlationId, replyTo, priority, replyRequired, deadline } = options;
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
    ...(options.attachments && {
      attachments: options.attachments.map(({ mimeType, ...rest }) => ({
        ...rest,
        ...(mimeType !== undefined && { mime_type: mimeType }),
      })),
    }),
  };
}
