import { v7 as uuidv7 } from "uuid";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { failureType, faultOf, type PayloadOf } from "../contract/messages.ts";
import { problemOf, problemOfDate } from "../contract/storable.ts";
import type { Link } from "../link/link.ts";
import { observe, traceOf } from "../link/observe.ts";
import type { Limit } from "../link/requests.ts";
import {
  type MessageContent,
  type MessageRow,
  type MessageTarget,
  messageFromRow,
  outgoing,
  type SendOptions,
  type Sent,
} from "./content.ts";
import { Inbox, type ListenOptions } from "./inbox.ts";
import { type ListMessages, listMessages, type StoredMessage } from "./list.ts";
import { noteHandling, noteSent } from "./notes.ts";
import { Outgoing } from "./outgoing.ts";

/** A message that was delivered. You can reply to it. */
export interface Message<T extends string = string> extends MessageContent<T> {
  /** Replies to its sender, with the type `response` unless the options set another. */
  reply(
    payload: Record<string, unknown>,
    options?: SendOptions & { type?: string },
  ): Promise<Result<Sent>>;
}

/** Handles a message. When it returns, the message is acknowledged. If it throws, it is called again. */
export type MessageHandler<T extends string = string> = (
  message: Message<T>,
) => void | Promise<void>;

/** Options of a message handler. */
export interface HandlerOptions {
  /**
   * Called with the error and the message when a handler has thrown three times in a row. Called without a
   * message when listening failed or has ended (`inbox_taken`, `scope_missing`, `not_authorized`).
   */
  onError?: (error: unknown, message?: Message) => void;
}

/** The options of a request, and how long it waits for the reply. */
export interface RequestOptions extends SendOptions {
  /** 30,000 by default. */
  timeoutMs?: number;
}

const requestTimeoutMs = 30_000;

/** The messages of one caller: an agent, or a person who is signed in. */
export class Messages {
  readonly #link: Link;
  readonly #outgoing: Outgoing;
  readonly #inbox: Inbox;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
    this.#inbox = new Inbox(link, (row, error) => this.#answerFailure(row, error));
    this.#outgoing = new Outgoing(link, this.#inbox.acknowledgements);
  }

  /**
   * Sends a message. The server stores it, so each recipient gets it once and in order, even after being
   * away. Messages that you send at the same time share one call. While the server cannot be reached, the
   * call is retried with the same ids.
   *
   * @param payload an object of at most 256 KB. For a known type, it must match its schema.
   * @returns `recipient_unknown`, `recipient_not_alive`, `no_recipient`, `channel_unknown`, `not_publisher`,
   * `invalid_request`, `message_id_taken`, `rate_limited`, `scope_missing`, `unavailable`. After
   * `unavailable` the message may have been sent; to be sure, send it again with the same `id`.
   * @example
   * await agent.send(other.id, "info", { text: "The build is green." });
   * await agent.send({ capability: "review" }, "review_request", { subject: "PR 12" });
   */
  async send<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    const fault = faultOf(type, payload) ?? faultOfOptions(options);
    if (fault) return failed(invalid(type, fault));
    const id = idOf(options.id ?? uuidv7());
    const { telemetry, tenantId, note } = this.#link;
    const about = () => ({ kind: "add", what: "message", name: type, tenantId }) as const;
    return observe(telemetry, about, async (tell) => {
      const given = { ...traceOf(telemetry), ...options };
      const message = outgoing(id, to, type, payload as Record<string, unknown>, given);
      const began = performance.now();
      const sent = await this.#outgoing.send(message);
      noteSent(note, message, sent, performance.now() - began);
      tell(sent.error ? { error: sent.error } : { id });
      return sent;
    });
  }

  /**
   * Sends a message and waits for the first reply.
   *
   * @param options `timeoutMs`: 30,000 by default.
   * @returns `request_timeout`, and the errors of `send`.
   * @example
   * const { data: reply } = await agent.request(other.id, "query", { question: "Which port?" });
   * console.log(reply?.payload);
   */
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
      this.#link.note("error", "request", () => ({ id, to, type, code, message }), { durationMs });
      return answer;
    }
    const reply = this.#message(answer.data);
    if (reply.type === failureType) {
      const error = handlerFailed(type, reply);
      this.#link.note("error", "request", () => ({ id, to, type, code: error.code }), {
        durationMs,
      });
      return failed(error);
    }
    const told = () => ({ id, reply: reply.id, from: reply.senderId, type: reply.type });
    this.#link.note("message", "answered", told, { level: "basic", durationMs });
    return ok(reply);
  }

  /**
   * Lists messages that were sent, newest first, with their deliveries. A caller sees messages that
   * it has sent or received and messages of channels that it reads. With `message:admin`, it sees
   * all messages of the tenant.
   *
   * @example
   * const { data: inbox } = await mayfly.messages.list({ recipient: agent.id, limit: 50 });
   * const waiting = inbox?.filter(({ deliveries }) => deliveries.some((one) => !one.acknowledgedAt));
   */
  async list(options: ListMessages = {}): Promise<Result<StoredMessage[]>> {
    const tenant = this.#link.tenant("A list of messages");
    return tenant.error ? tenant : listMessages(this.#link, tenant.data, options);
  }

  /**
   * Passes a task on to another agent, with the context that it needs.
   *
   * @example
   * const key = { key: "k1" };
   * await agent.messages.handoff("Rotate the key", { capability: "ops" }, "I am not allowed to", key);
   */
  handoff(
    task: string,
    to: MessageTarget,
    reason: string,
    context: Record<string, unknown> = {},
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.send(to, "task_handoff", { task, reason, context }, options);
  }

  /**
   * Handles messages of a type, or of all types (`*`), one at a time and in the order of the inbox: first
   * those that arrived while the agent was away, then each as it arrives. The first call opens the inbox.
   * Only one process reads an inbox at a time. If another process opens the inbox later, that process takes
   * it over (`inbox_taken`). The secret key has no inbox (`no_inbox`).
   *
   * A message is acknowledged when its handlers have returned. If one throws, it is called again after 0.25 s
   * and 1 s. If that fails too, `onError` is called and the message stays in the inbox. The next process that
   * opens the inbox gets it again, with a higher `attempt`. A message without a handler also stays, until you
   * register a handler for it.
   *
   * @returns a function that stops handling.
   * @example
   * const off = agent.on("query", async (message) => {
   *   await message.reply({ answer: 42 });
   * });
   */
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
      return noteHandling(this.#link, message, undefined, () => handler(message as never));
    };
    return this.#inbox.on(type, handle, options);
  }

  /**
   * @internal Acknowledges what was handled, as far as possible. Does not wait for a handler that
   * never ends.
   */
  async finish({ over }: Limit): Promise<null> {
    await Promise.race([this.close(), over]);
    return null;
  }

  /** @internal Stops listening, and acknowledges what was handled. */
  close(): Promise<void> {
    return this.#inbox.close();
  }

  /** Only the code of the error is sent. The rest may contain what others must not see. */
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
    message: `A message of type ${type} is not valid: ${fault}.`,
    hint: "Nothing was sent. Correct the field, or use a type name of your own.",
    details: { field: fault.split(":")[0] },
  });

const handlerFailed = (type: string, { senderId, payload }: MessageContent) =>
  new MayflyError({
    code: "handler_failed",
    message: `The recipient's handler of ${type} failed.`,
    hint: "The log of its process says why. Ask again, or ask another agent.",
    details: { from: senderId, code: payload.code },
  });

const nobody = () =>
  new MayflyError({
    code: "recipient_unknown",
    message: "The message came from the secret key, which has no inbox.",
    hint: "Only agents and people can be answered.",
    details: null,
  });
