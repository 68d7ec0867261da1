import { v7 as uuidv7 } from "uuid";
import { Channels } from "../channels/channels.ts";
import type { Publish } from "../channels/types.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { failureType, faultOf, type PayloadOf } from "../contract/messages.ts";
import { problemOf, problemOfDate } from "../contract/storable.ts";
import type { MayflyClient } from "../link/call.ts";
import type { Note } from "../link/note.ts";
import { Inbox, type ListenOptions } from "./inbox.ts";
import {
  type MessageContent,
  type MessageRow,
  type MessageTarget,
  messageFromRow,
  outgoing,
  type SendOptions,
  type Sent,
} from "./messages.ts";
import { noNote, noteHandling, noteSent } from "./notes.ts";
import { Outgoing } from "./outgoing.ts";

/** A message that came, which can be answered. */
export interface Message<T extends string = string> extends MessageContent<T> {
  /** Answers its sender, by a message of type `response` unless the options say another. */
  reply(
    payload: Record<string, unknown>,
    options?: SendOptions & { type?: string },
  ): Promise<Result<Sent>>;
}

/** Handles a message: when it has returned, the message is acknowledged; when it throws, it comes again. */
export type MessageHandler<T extends string = string> = (
  message: Message<T>,
) => void | Promise<void>;

/** What is told of a handler's failures. */
export interface HandlerOptions {
  /**
   * Told what a handler threw three times in a row, with its message, and why listening failed, or has
   * ended (`inbox_taken`, `scope_missing`, `not_authorized`), without one.
   */
  onError?: (error: unknown, message?: Message) => void;
}

/** What a request says, and how long it waits for the reply. */
export interface RequestOptions extends SendOptions {
  /** 30,000 by default. */
  timeoutMs?: number;
}

const requestTimeoutMs = 30_000;

/** The messages of one caller: an agent, or who is signed in. */
export class Messenger {
  readonly channels: Channels;
  readonly #outgoing: Outgoing;
  readonly #inbox: Inbox;
  readonly #note: Note;

  /** @param note tells the agent's debug stream; absent for who has none. */
  constructor(client: MayflyClient, note: Note = noNote, tenant?: string) {
    this.#note = note;
    this.#outgoing = new Outgoing(client);
    this.#inbox = new Inbox(client, (row, error) => this.#answerFailure(row, error));
    const publish: Publish = (name, type, payload, options) =>
      this.send({ channel: name }, type, payload, options);
    this.channels = new Channels(client, publish, note, tenant);
  }

  async send<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    const fault = faultOf(type, payload) ?? faultOfOptions(options);
    if (fault) return failed(invalid(type, fault));
    const id = idOf(options.id ?? uuidv7());
    const message = outgoing(id, to, type, payload as Record<string, unknown>, options);
    const began = performance.now();
    const sent = await this.#outgoing.send(message);
    noteSent(this.#note, message, sent, performance.now() - began);
    return sent;
  }

  async request<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: RequestOptions = {},
  ): Promise<Result<Message>> {
    const { timeoutMs = requestTimeoutMs, id: given = uuidv7(), ...rest } = options;
    const id = idOf(given);
    const sent = this.send(to, type, payload, { replyRequired: true, ...rest, id });
    const began = performance.now();
    const answer = await this.#inbox.replyTo(id, timeoutMs, sent);
    const durationMs = performance.now() - began;
    if (answer.error) {
      const { code, message } = answer.error;
      this.#note("error", "request", () => ({ id, to, type, code, message }), { durationMs });
      return answer;
    }
    const reply = this.#message(answer.data);
    if (reply.type === failureType) {
      const error = handlerFailed(type, reply);
      this.#note("error", "request", () => ({ id, to, type, code: error.code }), { durationMs });
      return failed(error);
    }
    const told = () => ({ id, reply: reply.id, from: reply.senderId, type: reply.type });
    this.#note("message", "answered", told, { level: "basic", durationMs });
    return ok(reply);
  }

  on<T extends string>(
    type: T,
    handler: MessageHandler<T extends "*" ? string : T>,
    { onError }: HandlerOptions = {},
  ): () => void {
    const options: ListenOptions = onError
      ? { onError: (error, row) => onError(error, row && this.#message(row)) }
      : {};
    const handle = (row: MessageRow) => {
      const message = this.#message(row);
      return noteHandling(this.#note, message, undefined, () => handler(message as never));
    };
    return this.#inbox.on(type, handle, options);
  }

  /** Listens no more, and leaves the channels. */
  async close(): Promise<void> {
    await Promise.all([this.#inbox.close(), this.channels.close()]);
  }

  /** What was thrown stays here: it may name what is not for others. Its code is stable. */
  async #answerFailure(row: MessageRow, error: unknown): Promise<boolean> {
    const code = error instanceof MayflyError ? error.code : "work_failed";
    const answer = await this.#message(row).reply({ code }, { type: failureType });
    return !answer.error;
  }

  #message(row: MessageRow): Message {
    const content = messageFromRow(row);
    return {
      ...content,
      reply: (payload, { type = "response", ...options } = {}) =>
        content.senderId === null
          ? Promise.resolve(failed(nobody()))
          : this.send(content.senderId, type, payload, {
              replyTo: content.id,
              ...(content.correlationId !== null && { correlationId: content.correlationId }),
              ...(content.conversationId !== null && { conversationId: content.conversationId }),
              ...options,
            }),
    };
  }
}

function faultOfOptions({ deadline, attachments }: SendOptions): string | null {
  const late = problemOfDate(deadline);
  if (late) return `deadline: ${late}`;
  const unfit = attachments && problemOf(attachments);
  return unfit ? `attachments: ${unfit}` : null;
}

const invalid = (type: string, fault: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `A message of type ${type} has a fault: ${fault}.`,
    hint: "Nothing was sent. Correct it, or choose a type of your own.",
    details: { field: fault.split(":")[0] },
  });

const handlerFailed = (type: string, { senderId, payload }: MessageContent) =>
  new MayflyError({
    code: "handler_failed",
    message: `The recipient's handler of ${type} failed.`,
    hint: "Its own process says why. Ask again, or ask another.",
    details: { from: senderId, code: payload.code },
  });

const nobody = () =>
  new MayflyError({
    code: "recipient_unknown",
    message: "The message came from the secret key, which has no inbox.",
    hint: "Only agents and people can be answered.",
    details: null,
  });
