import { count } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { HandlerQueue } from "../link/handler-queue.ts";
import type { Link } from "../link/link.ts";
import { lookAgainMs } from "../link/look-again.ts";
import { Backoff, Pause, passes } from "../link/retry.ts";
import { report } from "../link/safe-callback.ts";
import { SequenceReader } from "../log/sequence.ts";
import { type MessageContent, type MessageRow, messageFromRow } from "../messages/content.ts";
import { type ChannelPageRow, channelPage } from "./answers.ts";

/** Where to start listening to a channel, and what to do after failures. */
export interface ChannelOptions {
  /**
   * Where to start: after a number, at the `start`, from `now` on, or after what this subscriber
   * has `acknowledged` (the default; without a subscription, from now on).
   */
  since?: number | "start" | "now" | "acknowledged";
  /**
   * Called with the error and the message when a handler has thrown three times in a row. The next message is
   * then handled. Also called without a message when listening fails or ends.
   */
  onError?: (error: unknown, message?: MessageContent) => void;
}

const handleAtOnce = 500;
/** The pause before an acknowledgement is sent again, after the short pauses of `lookAgainMs`. */
const longMs = 30_000;
const acknowledgeAfterMs = 100;
/** The progress of one handler through a channel. */
export class ChannelStream {
  readonly #link: Link;
  readonly #name: string;
  readonly #handler: (message: MessageContent) => unknown;
  readonly #options: ChannelOptions;
  readonly #queue = new HandlerQueue();
  #reader: SequenceReader<MessageRow> | undefined;
  #subscribed = false;
  #handled = 0;
  #acknowledged = 0;
  /** How often in a row the server could not yet see the acknowledged messages. */
  #looks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  /** Stops waiting for the channel to open. */
  readonly #pause = new Pause();

  constructor(
    link: Link,
    name: string,
    handler: (message: MessageContent) => unknown,
    options: ChannelOptions,
  ) {
    this.#link = link;
    this.#name = name;
    this.#handler = handler;
    this.#options = options;
    void this.#start();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#pause.end();
    this.#queue.end();
    await this.#reader?.stop();
    await this.#queue.rest();
    clearTimeout(this.#timer);
    for (const ms of [...lookAgainMs, 0]) {
      if (!(await this.#acknowledge())) return;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  async #start(): Promise<void> {
    const data = await this.#open();
    if (!data) return;
    const { since = "acknowledged" } = this.#options;
    this.#subscribed = data.acknowledged !== null;
    this.#acknowledged = data.acknowledged ?? 0;
    const from = {
      start: 0,
      now: data.last_seq,
      acknowledged: data.acknowledged ?? data.last_seq,
    };
    this.#reader = new SequenceReader<MessageRow>(
      this.#link,
      data.topic,
      typeof since === "number" ? since : from[since],
      {
        source: { of: "channel", name: this.#name },
        fetch: async (after) => {
          const page = await readPage(this.#link, this.#name, after);
          if (page.error) return page;
          const { messages, last_seq, more } = page.data;
          // Skip what retention has deleted.
          const upTo = more ? (messages.at(-1)?.seq ?? after) : last_seq;
          return ok({ messages, upTo, more });
        },
        isOurs: () => true,
        take: (row) => this.#take(row),
        ready: () => this.#queue.below(handleAtOnce),
        onError: (problem) => this.#tell(problem),
      },
    );
    const ended = await this.#reader.ended;
    if (ended) this.#report("Listening to", ended);
  }

  /**
   * Reads the channel's newest number. Retries after an error that may be temporary. Returns undefined
   * after any other error.
   */
  async #open(): Promise<ChannelPageRow | undefined> {
    const backoff = new Backoff();
    while (!this.#stopped) {
      const { data, error } = await readPage(this.#link, this.#name, Number.MAX_SAFE_INTEGER);
      if (this.#stopped) break;
      if (data) return data;
      if (!passes(error)) {
        this.#report("Listening to", error);
        break;
      }
      this.#tell(error);
      await this.#pause.sleep(backoff.next(error) ?? 0);
    }
    return undefined;
  }

  #take(row: MessageRow): void {
    const message = messageFromRow(row);
    this.#queue.push(
      (before) => this.#handler({ ...message, attempt: message.attempt + before }),
      (failure) => {
        if (failure) this.#report("A handler of", failure.error, message);
        this.#handled = row.seq;
        this.#planAcknowledgement(acknowledgeAfterMs);
      },
    );
  }

  #report(what: string, error: unknown, message?: MessageContent): void {
    report(this.#options.onError, `${what} the channel ${this.#name}`, error, message);
  }

  /** Reports a temporary error, after which the stream tries again. */
  #tell(problem: unknown): void {
    if (this.#options.onError) this.#report("Listening to", problem);
  }

  #planAcknowledgement(ms: number): void {
    if (!this.#subscribed || this.#stopped) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#acknowledge().then((early) => {
        const again = early ? (lookAgainMs[this.#looks++] ?? longMs) : undefined;
        if (again === undefined) this.#looks = 0;
        else this.#planAcknowledgement(again);
      });
    }, ms);
  }

  /**
   * Acknowledges everything up to the last handled message. If the call is lost, the next one repeats it.
   *
   * @returns whether it must be repeated, because the server could not see all of it yet.
   */
  async #acknowledge(): Promise<boolean> {
    const seq = this.#handled;
    if (!this.#subscribed || seq <= this.#acknowledged) return false;
    const { data, error } = await this.#link.rpc(
      "acknowledge_channel",
      { name: this.#name, seq },
      count,
    );
    if (error?.code === "not_subscribed") this.#subscribed = false;
    if (error || typeof data !== "number") return false;
    this.#acknowledged = Math.max(this.#acknowledged, data);
    return this.#acknowledged < seq;
  }
}

/** The messages after a number, and the channel's newest number. */
export async function readPage(
  link: Link,
  name: string,
  after: number,
): Promise<Result<ChannelPageRow>> {
  return await link.rpc("read_channel", { name, after }, channelPage);
}
