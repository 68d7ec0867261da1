import type { FromRow } from "../link/rows.ts";
import type { MessageContent } from "../messages/content.ts";

/**
 * `one_way`: the creator and the publishers publish, and subscribers read. `two_way`: subscribers
 * do both. `broadcast`: like `one_way`, but everyone in the tenant can read without subscribing.
 */
export type ChannelKind = "one_way" | "two_way" | "broadcast";

/** @internal */
export interface ChannelRow {
  id: string;
  name: string;
  kind: ChannelKind;
  description: string;
  created_by: string | null;
  publishers: string[];
  last_seq: number;
  created_at: string;
}
/**
 * A channel, as its readers see it.
 *
 * @interface
 */
export type ChannelInfo = FromRow<ChannelRow>;

/** A channel to create. */
export interface NewChannel {
  /** Lower case letters, digits, dots, dashes, underscores; at most 63. */
  name: string;
  /** `two_way` by default. */
  kind?: ChannelKind;
  description?: string;
  /** Ids of agents or members who may publish, besides the creator. Not used in a two_way channel. */
  publishers?: string[];
}

/** A subscription of the caller, and how far it has read. */
export interface Subscription {
  channel: string;
  kind: ChannelKind;
  lastSeq: number;
  /** All messages up to this number are handled. */
  acknowledged: number;
  subscribedAt: Date;
}

/** Messages of a channel, in order. */
export interface ChannelPage {
  messages: MessageContent[];
  lastSeq: number;
  /** The caller has handled all messages up to this number. Null if it has not subscribed. */
  acknowledged: number | null;
  more: boolean;
}

/** How much a channel holds, and how far its subscribers have read. */
export interface ChannelStatistics {
  name: string;
  kind: ChannelKind;
  lastSeq: number;
  /** How many messages are stored. */
  messages: number;
  /** The size of their payloads. */
  bytes: number;
  lastMinute: number;
  /** The average of the last hour. */
  perMinute: number;
  lastSentAt: string | null;
  senders: number;
  /**
   * The subscribers that are furthest behind come first, 1,000 at most. `subscribers(name)` lists
   * all.
   */
  subscribers: { id: string; acknowledged: number; lag: number; subscribedAt: string }[];
}

/** A page of subscribers of a channel. */
export interface SubscriberPage {
  subscribers: {
    id: string;
    /** All messages up to this number are handled. */
    acknowledged: number;
    lag: number;
    subscribedAt: Date;
  }[];
  /** Where the next page starts. Null at the end. */
  next: string | null;
}
