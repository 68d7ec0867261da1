import { fromDataApi, type MayflyClient } from "./call.ts";
import type { Publish } from "./channels.ts";
import type { Note } from "./debug-row.ts";
import { failed, type MayflyError, ok, type Result } from "./errors.ts";
import { HandlerQueue } from "./handler-queue.ts";
import { jittered } from "./jitter.ts";
import { noteHandling } from "./message-notes.ts";
import type { PayloadOf } from "./message-schemas.ts";
import {
  type MessageContent,
  type MessageRow,
  messageFromRow,
  type SendOptions,
  type Sent,
} from "./messages.ts";
import { firstDelayMs, maxDelayMs, passing, SequenceReader } from "./sequence.ts";
import { joinTopic, type Topic, type TopicListener } from "./topics.ts";

/** Where listening to a channel begins, and what is told of its failures. */
export interface ChannelOptions {
  /**
   * Where to begin: behind a number, at the `start`, from `now` on, or behind what this subscriber has
   * `acknowledged`, the default (without a subscription, from now on).
   */
  since?: number | "start" | "now" | "acknowledged";
  /**
   * Told what a handler threw three times in a row, with its message: it goes on with the next. And why
   * listening failed, or has ended, without one.
   */
  onError?: (error: unknown, message?: MessageContent) => void;
}

/** What is broadcast in a channel, and kept nowhere. Its sender is whoever may publish. */
export type BroadcastHandler = (payload: Record<string, unknown>, event: string) => void;

interface Page {
  topic: string;
  messages: MessageRow[];
  last_seq: number;
  acknowledged: number | null;
  more: boolean;
}

const handleAtOnce = 500;
const acknowledgeAfterMs = 100;

/** A named channel, as one caller hears it. */
export class Channel {
  readonly name: string;
  readonly #client: MayflyClient;
  readonly #publish: Publish;
  readonly #note: Note;
  readonly #streams = new Set<ChannelStream>();
  readonly #onBroadcast = new Set<{ event: string; handler: BroadcastHandler }>();
  readonly #listener: TopicListener = {
    onMessage: (event, payload) => {
      for (const one of this.#onBroadcast)
        if (one.event === event || one.event === "*") one.handler(payload, event);
    },
  };
  #topic: Promise<Result<Topic>> | undefined;

  /** @internal */
  constructor(client: MayflyClient, name: string, publish: Publish, note: Note) {
    this.#note = note;
    this.#client = client;
    this.name = name;
    this.#publish = publish;
  }

  /**
   * Handles every message once, in order, none left out, whatever the connection does. A subscriber's
   * progress is kept on the server, so that it goes on there after a restart; what was handled just
   * before a crash may come again.
   *
   * @returns stops listening.
   */
  on(
    handler: (message: MessageContent) => void | Promise<void>,
    options: ChannelOptions = {},
  ): () => Promise<void> {
    const handle = (message: MessageContent) =>
      noteHandling(this.#note, message, this.name, () => handler(message));
    const stream = new ChannelStream(this.#client, this.name, handle, options);
    this.#streams.add(stream);
    return async () => {
      this.#streams.delete(stream);
      await stream.stop();
    };
  }

  /** Publishes a message, durably: see {@link Channels.publish}. */
  publish<T extends string>(
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#publish(this.name, type, payload as Record<string, unknown>, options);
  }

  /**
   * Tells those who listen now, at the speed of Realtime, what may be lost: cursors, progress. For who
   * may publish. Realtime drops without a word what may not be sent: then it fails after `timeoutMs`,
   * 5,000 by default.
   *
   * @returns `broadcast_refused`, `not_authorized`, `unavailable`, `channel_unknown`.
   * @example
   * await agent.channels.open("findings").broadcast("progress", { done: 12, of: 40 });
   */
  async broadcast(
    event: string,
    payload: Record<string, unknown>,
    { timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<Result<null>> {
    const { data: topic, error } = await this.#join();
    if (error) return failed(error);
    const joined = await topic.ready;
    const sent = joined.error ? joined : await topic.send(event, payload, timeoutMs);
    const told = () => ({ channel: this.name, event, code: sent.error?.code });
    this.#note(sent.error ? "error" : "message", "broadcast", told, { level: "detailed" });
    return sent;
  }

  /**
   * Hears broadcasts of an event, or of all (`*`). Whoever may publish in the channel may have sent them.
   *
   * @returns settles when it listens, with how to stop; or with why it can not.
   */
  async onBroadcast(event: string, handler: BroadcastHandler): Promise<Result<() => void>> {
    const one = { event, handler };
    this.#onBroadcast.add(one);
    const off = () => void this.#onBroadcast.delete(one);
    const { data: topic, error } = await this.#join();
    if (error) return failed(error);
    const joined = await topic.ready;
    if (!joined.error) return ok(off);
    off();
    return joined;
  }

  /** Listens no more. */
  async leave(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.stop()));
    this.#streams.clear();
    this.#onBroadcast.clear();
    const topic = this.#topic;
    this.#topic = undefined;
    await (await topic)?.data?.leave();
  }

  /** Apart from the messages' topic: so nobody can pass a broadcast off as one. */
  #join(): Promise<Result<Topic>> {
    this.#topic ??= (async () => {
      const answer = fromDataApi(
        await this.#client.from("channels").select("tenant_id").eq("name", this.name).limit(2),
      );
      const [channel, another] = answer.data ?? [];
      if (answer.error || !channel || another) {
        this.#topic = undefined;
        // The function says what is the matter.
        const why = answer.error ?? (await readPage(this.#client, this.name, 0)).error;
        return failed(why as MayflyError);
      }
      const topic = `tenant:${channel.tenant_id}:broadcast:${this.name}`;
      return ok(await joinTopic(this.#client, topic, this.#listener));
    })();
    return this.#topic;
  }
}

/** One handler's way through a channel. */
class ChannelStream {
  readonly #client: MayflyClient;
  readonly #name: string;
  readonly #handler: (message: MessageContent) => unknown;
  readonly #options: ChannelOptions;
  readonly #queue = new HandlerQueue();
  #reader: SequenceReader | undefined;
  #subscribed = false;
  #handled = 0;
  #acknowledged = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  /** Waits no longer to open it. */
  #wake: () => void = () => {};

  constructor(
    client: MayflyClient,
    name: string,
    handler: (message: MessageContent) => unknown,
    options: ChannelOptions,
  ) {
    this.#client = client;
    this.#name = name;
    this.#handler = handler;
    this.#options = options;
    void this.#start();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake();
    this.#queue.end();
    await this.#reader?.stop();
    await this.#queue.rest();
    clearTimeout(this.#timer);
    await this.#acknowledge();
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
    this.#reader = new SequenceReader(
      this.#client,
      data.topic,
      typeof since === "number" ? since : from[since],
      {
        fetch: async (after) => {
          const page = await readPage(this.#client, this.#name, after);
          if (page.error) return page;
          const { messages, last_seq, more } = page.data;
          // What retention has deleted is passed by.
          const upTo = more ? (messages.at(-1)?.seq ?? after) : last_seq;
          return ok({ messages, upTo, more });
        },
        isOurs: () => true,
        take: (row) => this.#take(row),
        ready: () => this.#queue.below(handleAtOnce),
        onError: (problem) => this.#options.onError?.(problem),
      },
    );
    const ended = await this.#reader.ended;
    if (ended) this.#options.onError?.(ended);
  }

  /** Where the channel stands; asked again while what is wrong may pass. Undefined when it may not. */
  async #open(): Promise<Page | undefined> {
    for (let delay = firstDelayMs; !this.#stopped; delay = Math.min(delay * 2, maxDelayMs)) {
      const { data, error } = await readPage(this.#client, this.#name, Number.MAX_SAFE_INTEGER);
      if (this.#stopped) break;
      if (data) return data;
      this.#options.onError?.(error);
      if (!passing.includes(error.code)) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, jittered(delay));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return undefined;
  }

  #take(row: MessageRow): void {
    const message = messageFromRow(row);
    this.#queue.push(
      () => this.#handler(message),
      (failure) => {
        if (failure) this.#options.onError?.(failure.error, message);
        this.#handled = row.seq;
        if (this.#subscribed && !this.#stopped)
          this.#timer ??= setTimeout(() => {
            this.#timer = undefined;
            void this.#acknowledge();
          }, acknowledgeAfterMs);
      },
    );
  }

  /** All up to the last one that was handled; what is not heard is said with the next. */
  async #acknowledge(): Promise<void> {
    const seq = this.#handled;
    if (!this.#subscribed || seq <= this.#acknowledged) return;
    const { error } = fromDataApi(
      await this.#client.rpc("acknowledge_channel", { name: this.#name, seq }),
    );
    if (!error) this.#acknowledged = seq;
    else if (error.code === "not_subscribed") this.#subscribed = false;
  }
}

async function readPage(client: MayflyClient, name: string, after: number): Promise<Result<Page>> {
  const answer = fromDataApi(await client.rpc("read_channel", { name, after }));
  return answer.error ? answer : ok(answer.data as unknown as Page);
}
