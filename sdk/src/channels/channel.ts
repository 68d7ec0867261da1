import { texts } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import type { PayloadOf } from "../contract/messages.ts";
import { unwritable } from "../contract/storable.ts";
import { broadcastTopic } from "../contract/topics.ts";
import type { Link } from "../link/link.ts";

import { attempt, report } from "../link/safe-callback.ts";
import type { Topic, TopicListener } from "../link/topic.ts";
import type { MessageContent, SendOptions, Sent } from "../messages/content.ts";
import type { Messages } from "../messages/messages.ts";
import { noteHandling } from "../messages/notes.ts";
import { findChannel } from "./find.ts";
import { type ChannelOptions, ChannelStream } from "./stream.ts";

/** Options of a broadcast handler. */
export interface BroadcastOptions {
  /** Called with what the handler threw. */
  onError?: (error: unknown) => void;
}

/** Called with a broadcast in a channel. It is never stored, and may come from anyone who may publish. */
export type BroadcastHandler = (payload: Record<string, unknown>, event: string) => void;

const broadcastScope = "channel:broadcast";

/** How many bytes the name of an event may have. Realtime's frames cannot hold more. */
const maxEventBytes = 255;

/** A named channel, as one caller sees it. */
export class Channel {
  readonly name: string;
  readonly #link: Link;
  readonly #messages: Messages;
  readonly #streams = new Set<ChannelStream>();
  readonly #onBroadcast = new Set<
    { event: string; handler: BroadcastHandler } & BroadcastOptions
  >();
  readonly #listener: TopicListener = {
    onMessage: (event, payload) => {
      for (const one of this.#onBroadcast) {
        if (one.event !== event && one.event !== "*") continue;
        attempt(
          () => one.handler(payload, event),
          (error) => report(one.onError, `A handler of broadcasts in ${this.name}`, error),
        );
      }
    },
  };
  #topic: Promise<Result<Topic>> | undefined;
  #mayBroadcast = false;

  /** @internal */
  constructor(link: Link, name: string, messages: Messages) {
    this.#link = link;
    this.name = name;
    this.#messages = messages;
  }

  /**
   * Handles every message once and in order, even if the connection drops. The server stores the subscriber's
   * progress, so that the subscriber continues there after a restart. A message that was handled just before
   * a crash may be delivered again.
   *
   * @returns a function that stops listening.
   */
  on(
    handler: (message: MessageContent) => void | Promise<void>,
    options: ChannelOptions = {},
  ): () => Promise<void> {
    const handle = (message: MessageContent) =>
      noteHandling(this.#link, message, this.name, () => handler(message));
    const stream = new ChannelStream(this.#link, this.name, handle, options);
    this.#streams.add(stream);
    return async () => {
      this.#streams.delete(stream);
      await stream.stop();
    };
  }

  /** Publishes a message, which is stored: see {@link Channels.publish}. */
  publish<T extends string>(
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#messages.send({ channel: this.name }, type, payload, options);
  }

  /**
   * Sends a broadcast to current listeners, as fast as Realtime. Use it for messages that you can afford to
   * lose, such as cursor positions and progress. It needs the right to publish and `channel:broadcast`, which
   * no agent has by default, because broadcasts count against the whole project's rate. If Realtime drops the
   * broadcast without an answer, the call fails after `timeoutMs`, 5,000 by default.
   *
   * @returns `broadcast_refused`, `invalid_request`, `not_authorized`, `scope_missing`, `unavailable`,
   * `channel_unknown`.
   * @example
   * await agent.channels.open("findings").broadcast("progress", { done: 12, of: 40 });
   */
  async broadcast(
    event: string,
    payload: Record<string, unknown>,
    { timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<Result<null>> {
    const unfit = faultOf(event, payload);
    if (unfit) return failed(unfit);
    const { data: topic, error } = await this.#join();
    if (error) return failed(error);
    const [joined, missing] = await Promise.all([topic.ready, this.#scopeMissing()]);
    if (missing) return failed(missing);
    const sent = joined.error ? joined : await topic.send(event, payload, timeoutMs);
    const told = () => ({ channel: this.name, event, code: sent.error?.code });
    this.#link.note(sent.error ? "error" : "message", "broadcast", told, { level: "detailed" });
    return sent;
  }

  /**
   * Listens to broadcasts of one event, or of all (`*`). Anyone who may publish in the channel can send them.
   *
   * @returns a function that stops listening, once the channel is joined; the error if it cannot be joined.
   */
  async onBroadcast(
    event: string,
    handler: BroadcastHandler,
    options: BroadcastOptions = {},
  ): Promise<Result<() => void>> {
    const one = { event, handler, ...options };
    this.#onBroadcast.add(one);
    const off = () => void this.#onBroadcast.delete(one);
    const { data: topic, error } = await this.#join();
    if (error) return failed(error);
    const joined = await topic.ready;
    if (!joined.error) return ok(off);
    off();
    return joined;
  }

  /** Stops listening. */
  async leave(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.stop()));
    this.#streams.clear();
    this.#onBroadcast.clear();
    const topic = this.#topic;
    this.#topic = undefined;
    await (await topic)?.data?.leave();
  }

  /**
   * Checks the scope once, because Realtime would drop the broadcast without an answer. If it cannot be
   * checked, Realtime decides.
   */
  async #scopeMissing(): Promise<MayflyError | undefined> {
    if (this.#mayBroadcast) return undefined;
    const { data } = await this.#link.rpc("tenant_ids", { scope: broadcastScope }, texts);
    if (!data || data.length > 0) {
      this.#mayBroadcast = true;
      return undefined;
    }
    return new MayflyError({
      code: "scope_missing",
      message: `The caller does not have the scope ${broadcastScope}.`,
      hint: "Spawn the agent with this scope, or publish a message instead.",
      details: { scope: broadcastScope },
    });
  }

  /**
   * Joins the topic for broadcasts. Messages have another topic, so nobody can pass a broadcast off as a
   * message.
   */
  #join(): Promise<Result<Topic>> {
    this.#topic ??= (async () => {
      const { data: channel, error } = await findChannel(this.#link, this.name);
      if (error) {
        this.#topic = undefined;
        return failed(error);
      }
      const topic = broadcastTopic(channel.tenant_id, this.name);
      return ok(this.#link.topics.join(topic, this.#listener));
    })();
    return this.#topic;
  }
}

function faultOf(event: string, payload: unknown): MayflyError | undefined {
  const length = new TextEncoder().encode(event).length;
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  if (length < 1 || length > maxEventBytes)
    return invalid("event", `must have 1 to ${maxEventBytes} bytes`);
  if (!isObject) return invalid("payload", "must be an object");
  const problem = unwritable(payload);
  return problem === undefined ? undefined : invalid("payload", problem);
}
