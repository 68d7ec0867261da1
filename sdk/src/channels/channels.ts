import { flag } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { wrongPage } from "../contract/invalid.ts";
import type { PayloadOf } from "../contract/messages.ts";
import type { Link } from "../link/link.ts";
import { readAll, readPage } from "../link/read-all.ts";
import type { Limit } from "../link/requests.ts";
import { fromRow } from "../link/rows.ts";
import { messageFromRow, type SendOptions, type Sent } from "../messages/content.ts";
import type { Messages } from "../messages/messages.ts";
import {
  channelPage,
  channelRow,
  channelStatistics,
  deletedChannel,
  subscriberRow,
  subscription,
} from "./answers.ts";
import { Channel } from "./channel.ts";
import { findChannel } from "./find.ts";
import type {
  ChannelInfo,
  ChannelPage,
  ChannelRow,
  ChannelStatistics,
  NewChannel,
  SubscriberPage,
  Subscription,
} from "./types.ts";

const columns = "id, name, kind, description, created_by, publishers, last_seq, created_at";

/** Named channels of the tenant. Published messages are stored and numbered, and can be read again. */
export class Channels {
  readonly #link: Link;
  readonly #messages: Messages;
  readonly #open = new Map<string, Channel>();

  /** @internal */
  constructor(link: Link, messages: Messages) {
    this.#link = link;
    this.#messages = messages;
  }

  /**
   * Creates a channel. The creator may publish in it and read it. Needs `channel:write`.
   *
   * @returns `channel_exists`, `invalid_request`, `quota_exceeded`, `scope_missing`.
   * @example
   * await agent.channels.create({ name: "findings", kind: "broadcast" });
   */
  async create(channel: NewChannel): Promise<Result<ChannelInfo>> {
    return shown(await this.#link.rpc("create_channel", { ...channel }, channelRow));
  }

  /** Changes the description or the publishers. For the creator, or with `message:admin`. */
  async update(
    name: string,
    changes: { description?: string; publishers?: string[] },
  ): Promise<Result<ChannelInfo>> {
    return shown(await this.#link.rpc("update_channel", { name, ...changes }, channelRow));
  }

  /** Deletes a channel with its messages. For the creator, or with `message:admin`. */
  async delete(name: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("delete_channel", { name }, deletedChannel);
    return answer.error ? answer : ok(null);
  }

  /** Lists all channels of the tenant, sorted by name. */
  async list(): Promise<Result<ChannelInfo[]>> {
    const answer = await readAll(channelRow, (behind, limit) => {
      let query = this.#link.client.from("channels").select(columns);
      // The secret key sees the channels of every tenant.
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (behind) query = query.gt("name", behind.name);
      return query.order("name").order("id").limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /**
   * Subscribes to what is published from now on. With `since`, begins at the start (`"start"`) or after a
   * number. Subscribing again changes nothing.
   *
   * @returns `channel_unknown`, `no_inbox`, `scope_missing`.
   */
  async subscribe(
    name: string,
    { since = "now" }: { since?: number | "start" | "now" } = {},
  ): Promise<Result<Subscription>> {
    const from = since === "start" ? 0 : since;
    const answer = await this.#link.rpc(
      "subscribe_channel",
      {
        name,
        ...(from !== "now" && { acknowledged: from }),
      },
      subscription,
    );
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /** Ends the subscription, and forgets how far the subscriber has read. */
  async unsubscribe(name: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("unsubscribe_channel", { name }, flag);
    return answer.error ? answer : ok(null);
  }

  /**
   * Publishes a message, which is stored, like `agent.send` to `{ channel }`.
   *
   * @returns `not_publisher`, `channel_unknown`, and the errors of `agent.send`.
   */
  publish<T extends string>(
    name: string,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#messages.send({ channel: name }, type, payload, options);
  }

  /**
   * Reads messages after a number, one page at a time.
   *
   * @returns `channel_unknown`, `not_subscribed`, `scope_missing`.
   * @example
   * const { data } = await agent.channels.read("findings", { after: 120, limit: 50 });
   */
  async read(
    name: string,
    { after = 0, limit = 100 }: { after?: number; limit?: number } = {},
  ): Promise<Result<ChannelPage>> {
    const answer = await this.#link.rpc(
      "read_channel",
      { name, after, page_limit: limit },
      channelPage,
    );
    if (answer.error) return answer;
    const page = answer.data;
    return ok({
      messages: page.messages.map(messageFromRow),
      lastSeq: page.last_seq,
      acknowledged: page.acknowledged,
      more: page.more,
    });
  }

  /** Shows how many messages a channel has, how fast it grows, and how far behind its subscribers are. */
  async statistics(name: string): Promise<Result<ChannelStatistics>> {
    const answer = await this.#link.rpc("channel_statistics", { name }, channelStatistics);
    if (answer.error) return answer;
    const { last_sent_at, subscribers, ...numbers } = answer.data;
    return ok({
      ...fromRow(numbers),
      lastSentAt: last_sent_at,
      subscribers: subscribers.map(({ subscribed_at, ...one }) => ({
        ...one,
        subscribedAt: subscribed_at,
      })),
    });
  }

  /**
   * Lists the subscribers and how far each has read, by id, one page at a time.
   *
   * @param options `after`: `next` of the previous page; `limit`: 1 to 1,000, 100 by default.
   * @returns `channel_unknown`, `scope_missing`, `invalid_request`.
   * @example
   * const { data: page } = await mayfly.channels.subscribers("findings", { limit: 1_000 });
   * for (const { id, lag } of page?.subscribers ?? []) console.log(id, lag);
   */
  async subscribers(
    name: string,
    { after, limit = 100 }: { after?: string; limit?: number } = {},
  ): Promise<Result<SubscriberPage>> {
    const wrong = wrongPage("limit", limit);
    if (wrong) return failed(wrong);
    const channel = await findChannel(this.#link, name);
    if (channel.error) return channel;
    const { tenant_id, id, last_seq } = channel.data;
    const answer = await readPage(subscriberRow, limit, (behind, rows) => {
      let query = this.#link.client
        .from("channel_subscriptions")
        .select("subscriber_id, acknowledged, subscribed_at")
        .eq("tenant_id", tenant_id)
        .eq("channel_id", id);
      const from = behind?.subscriber_id ?? after;
      if (from) query = query.gt("subscriber_id", from);
      return query.order("subscriber_id").limit(rows);
    });
    if (answer.error) return answer;
    const subscribers = answer.data.map(({ subscriber_id, acknowledged, subscribed_at }) => ({
      id: subscriber_id,
      acknowledged,
      lag: last_seq - acknowledged,
      subscribedAt: new Date(subscribed_at),
    }));
    const last = subscribers.at(-1);
    return ok({ subscribers, next: last && subscribers.length === limit ? last.id : null });
  }

  /**
   * Returns a channel, to listen and broadcast in it. It makes no call yet.
   *
   * @example
   * const findings = agent.channels.open("findings");
   * findings.on((message) => console.log(message.seq, message.payload), { since: "start" });
   */
  open(name: string): Channel {
    const open = this.#open.get(name) ?? new Channel(this.#link, name, this.#messages);
    this.#open.set(name, open);
    return open;
  }

  /** @internal */
  async finish({ over }: Limit): Promise<null> {
    await Promise.race([this.close(), over]);
    return null;
  }

  /** @internal */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((channel) => channel.leave()));
  }
}

const shown = ({ data, error }: Result<ChannelRow>): Result<ChannelInfo> =>
  error ? failed(error) : ok(fromRow(data));
