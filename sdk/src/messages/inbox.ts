import { v4 as uuidv4 } from "uuid";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { failureType } from "../contract/messages.ts";
import { HandlerQueue } from "../link/handler-queue.ts";
import type { Link } from "../link/link.ts";
import { within } from "../link/monotonic-time.ts";
import { Backoff, Pause, passes } from "../link/retry.ts";
import { report } from "../link/safe-callback.ts";
import { type SequencePage, SequenceReader } from "../log/sequence.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { inboxPage, openInbox } from "./answers.ts";
import type { MessageRow } from "./content.ts";

export interface ListenOptions {
  /**
   * Called with the error and the message when a handler has thrown three times in a row. Called without a
   * message when listening failed or has ended (`inbox_taken`, `scope_missing`, `not_authorized`).
   */
  onError?: (error: unknown, message?: MessageRow) => void;
}

type AnswerFailure = (row: MessageRow, error: unknown) => Promise<boolean>;

interface Listener extends ListenOptions {
  type: string;
  handle: (row: MessageRow) => unknown;
}

/**
 * How many requests to remember after nobody waits for their reply any more. A late reply to one of
 * them is acknowledged without a handler.
 */
const rememberGivenUp = 1_000;
const handleAtOnce = 500;

/**
 * The inbox of the caller. One process reads it at a time. Handlers run one at a time, in the order of the
 * inbox, and handled messages are acknowledged. A message without a handler stays in the inbox.
 */
export class Inbox {
  readonly #link: Link;
  readonly #session = uuidv4();
  readonly #listeners = new Set<Listener>();
  readonly #queue = new HandlerQueue();
  readonly acknowledgements: Acknowledgements;
  readonly #requests = new Map<string, (result: Result<MessageRow>) => void>();
  readonly #givenUp = new Set<string>();
  /** Messages that were taken and may not be acknowledged yet, so they are not taken again. */
  readonly #taken = new Set<number>();
  /** For each type without a handler: the lowest number of a message that stays in the inbox. */
  readonly #left = new Map<string, number>();
  #reader: SequenceReader<MessageRow> | undefined;
  #opening: Promise<Result<null>> | undefined;
  #ended: MayflyError | null = null;
  #closed = false;
  /** Why the inbox is not open yet. */
  #problem: MayflyError | null = null;
  /** Stops waiting for the inbox to open. */
  readonly #pause = new Pause();
  /** From which number to look back for messages that were left in the inbox. */
  #lookBack: number | undefined;

  readonly #answerFailure: AnswerFailure;

  /**
   * @param answerFailure tells the sender of a request that its handler failed, and returns whether it could.
   */
  constructor(link: Link, answerFailure: AnswerFailure) {
    this.#link = link;
    this.#answerFailure = answerFailure;
    this.acknowledgements = new Acknowledgements(
      link,
      (seqs) => this.#forget(seqs),
      (error) => this.#tell(error),
      () => this.#queue.size > 0,
    );
  }

  on(type: string, handle: Listener["handle"], options: ListenOptions): () => void {
    const listener = { type, handle, ...options };
    this.#listeners.add(listener);
    const left = type === "*" ? [...this.#left.values()] : [this.#left.get(type)];
    const least = Math.min(...left.filter((seq) => seq !== undefined));
    if (Number.isFinite(least)) {
      this.#lookBack = Math.min(this.#lookBack ?? least, least);
      this.#reader?.nudge();
    }
    void this.open().then(({ error }) => {
      // The code that closed the inbox already knows this error.
      if (error && (listener.onError || !this.#closed))
        report(listener.onError, `Listening for messages of the type ${type}`, error);
    });
    return () => void this.#listeners.delete(listener);
  }

  /** Waits for the reply to a message that is about to be sent. */
  async replyTo(id: string, timeoutMs: number, sent: Promise<Result<unknown>>) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reply = new Promise<Result<MessageRow>>((resolve, reject) => {
      this.#requests.set(id, resolve);
      const giveUp = () => resolve(failed(timedOut(timeoutMs, this.#problem)));
      timer = setTimeout(giveUp, within(timeoutMs));
      // A message that cannot be sent has no reply.
      for (const step of [sent, this.open()])
        step.then(({ error }) => error && resolve(failed(error)), reject);
    });
    const result = await reply;
    clearTimeout(timer);
    this.#requests.delete(id);
    if (result.error) {
      this.#givenUp.add(id);
      const [oldest] = this.#givenUp;
      if (this.#givenUp.size > rememberGivenUp && oldest) this.#givenUp.delete(oldest);
    }
    return result;
  }

  /** Makes this process the reader of the inbox, once. Tries until it succeeds or is refused. */
  open(): Promise<Result<null>> {
    if (this.#ended) return Promise.resolve(failed(this.#ended));
    if (this.#closed) return Promise.resolve(failed(closed()));
    this.#opening ??= this.#open().then((result) => {
      if (result.error) this.#opening = undefined;
      return result;
    });
    return this.#opening;
  }

  /** Stops reading, and acknowledges what was handled. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pause.end();
    this.#queue.end();
    for (const resolve of this.#requests.values()) resolve(failed(closed()));
    await this.#reader?.stop();
    await this.#queue.rest();
    await this.acknowledgements.end();
  }

  async #open(): Promise<Result<null>> {
    const backoff = new Backoff();
    for (;;) {
      const answer = await this.#link.rpc("open_inbox", { session: this.#session }, openInbox);
      if (this.#closed) return failed(closed());
      this.#problem = answer.error;
      if (!answer.error) {
        this.#read(answer.data.topic, answer.data.acknowledged);
        return ok(null);
      }
      if (!passes(answer.error)) return answer;
      this.#tell(answer.error);
      await this.#pause.sleep(backoff.next(answer.error) ?? 0);
      if (this.#closed) return failed(closed());
    }
  }

  #read(topic: string, after: number): void {
    this.#reader = new SequenceReader<MessageRow>(this.#link, topic, after, {
      source: { of: "inbox" },
      fetch: (from) => this.#fetch(from),
      isOurs: ({ session }) => session === this.#session,
      take: (row) => this.#take(row),
      ready: () => this.#queue.below(handleAtOnce),
      onError: (error) => this.#tell(error),
    });
    void this.#reader.ended.then((error) => {
      if (!error) return;
      this.#ended = error;
      this.#queue.end();
      for (const resolve of this.#requests.values()) resolve(failed(error));
      const listeners = [...this.#listeners];
      if (listeners.some(({ onError }) => onError)) this.#tell(error);
      else if (listeners.length > 0) report(undefined, "Listening for messages", error);
    });
  }

  async #fetch(after: number): Promise<Result<SequencePage<MessageRow>>> {
    let late = false;
    while (this.#lookBack !== undefined && !late) {
      const from = this.#lookBack;
      const page = await this.#pull(from - 1);
      if (page.error) return page;
      for (const row of page.data.messages) if (row.seq <= after) this.#take(row);
      await this.#queue.below(handleAtOnce);
      // A handler that was added meanwhile may look further back.
      if (this.#lookBack !== from) continue;
      // A broadcast message without a handler may be known here before its row is visible.
      late = !page.data.more && page.data.upTo < after;
      this.#lookBack = page.data.upTo < after ? page.data.upTo + 1 : undefined;
    }
    const page = await this.#pull(after);
    return page.error ? page : ok({ ...page.data, late });
  }

  async #pull(after: number): Promise<Result<SequencePage<MessageRow>>> {
    const answer = await this.#link.rpc("pull_inbox", { session: this.#session, after }, inboxPage);
    if (answer.error) return answer;
    const { messages, up_to, more } = answer.data;
    return ok({ messages, upTo: up_to, more });
  }

  #take(row: MessageRow): void {
    if (this.#taken.has(row.seq)) return;
    const answered = typeof row.reply_to === "string" ? row.reply_to : "";
    const request = this.#requests.get(answered);
    if (request || this.#givenUp.has(answered)) {
      // Take it at once, because a running handler may be waiting for it.
      this.#taken.add(row.seq);
      request?.(ok(row));
      this.acknowledgements.add(row.seq);
      return;
    }
    if (this.#listenersOf(row.type).length === 0) {
      if (row.type === failureType) {
        // Nobody waits for this reply any more.
        this.#taken.add(row.seq);
        this.acknowledgements.add(row.seq);
        return;
      }
      this.#left.set(row.type, Math.min(this.#left.get(row.type) ?? row.seq, row.seq));
      return;
    }
    this.#taken.add(row.seq);
    const left = new Set<Listener>();
    this.#queue.push(
      async (before) => {
        // A handler that succeeded is not called again because another one failed.
        for (const listener of this.#listenersOf(row.type)) {
          if (left.has(listener)) continue;
          await listener.handle({ ...row, attempt: (row.attempt ?? 1) + before });
          left.add(listener);
        }
      },
      async (failure) => {
        if (!failure) {
          this.acknowledgements.add(row.seq);
          return;
        }
        for (const { onError } of this.#listenersOf(row.type).filter((one) => !left.has(one)))
          report(onError, `A handler of messages of the type ${row.type}`, failure.error, row);
        if (row.reply_required !== true) return;
        // The failure becomes the answer, and the sender decides whether to ask again.
        const answered = await this.#answerFailure(row, failure.error);
        if (answered) this.acknowledgements.add(row.seq);
      },
    );
  }

  #listenersOf(type: string): Listener[] {
    return [...this.#listeners].filter((one) => one.type === type || one.type === "*");
  }

  #forget(seqs: number[]): void {
    // A look back that is running may return messages that were not yet acknowledged when it began.
    if (this.#lookBack !== undefined) return;
    for (const seq of seqs) this.#taken.delete(seq);
  }

  #tell(error: MayflyError): void {
    for (const { onError } of this.#listeners)
      if (onError) report(onError, "Listening for messages", error);
  }
}

const timedOut = (ms: number, problem: MayflyError | null) =>
  new MayflyError({
    code: "request_timeout",
    message: problem
      ? `No reply could arrive within ${ms} ms: the inbox is not open yet (${problem.message})`
      : `No reply came within ${ms} ms.`,
    hint: problem
      ? "The SDK keeps trying. Ask again when the server can be reached."
      : "Check that the recipient is alive and handles this type, or pass a longer timeoutMs.",
    details: { timeout_ms: ms },
  });

const closed = () =>
  new MayflyError({
    code: "unavailable",
    message: "The inbox was closed.",
    hint: "The agent has stopped, or was closed.",
    details: null,
  });
