import type { FromRow } from "../link/rows.ts";
import type { MessageContent } from "../messages/content.ts";

/**
 * `one_way`: its creator and publishers publish, its subscribers read. `two_way`: its subscribers do both.
 * `broadcast`: as one_way, and everyone in the tenant reads, subscribed or not.
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
 * A channel, as whoever may see it reads it.
 *
 * @interface
 */
export type ChannelInfo = FromRow<ChannelRow>;

/** A channel to be made. */
export interface NewChannel {
  /** Lower case letters, digits, dots, dashes, underscores; 63 at most. */
  name: string;
  /** `two_way` by default. */
  kind?: ChannelKind;
  description?: string;
  /** Ids of agents or members who may publish beside the creator; of no use in a two_way one. */
  publishers?: string[];
}

/** What the caller has subscribed to, and how far it is. */
export interface Subscription {
  channel: string;
  kind: ChannelKind;
  lastSeq: number;
  /** All up to this number is handled. */
  acknowledged: number;
  subscribedAt: Date;
}

/** Messages of a channel, in their order. */
export interface ChannelPage {
  messages: MessageContent[];
  lastSeq: number;
  /** Up to where the caller has handled it; null when it has not subscribed. */
  acknowledged: number | null;
  more: boolean;
}

/** How much a channel holds, and how far its subscribers are. */
export interface ChannelStatistics {
  name: string;
  kind: ChannelKind;
  lastSeq: number;
  /** Those that are kept. */
  messages: number;
  /** Of their payloads. */
  bytes: number;
  lastMinute: number;
  /** The mean of the last hour. */
  perMinute: number;
  lastSentAt: string | null;
  senders: number;
  /** The furthest behind first; 1,000 at most: `subscribers(name)` pages all. */
  subscribers: { id: string; acknowledged: number; lag: number; subscribedAt: string }[];
}

/** Subscribers of a channel, a page of them. */
export interface SubscriberPage {
  subscribers: {
    id: string;
    /** It has handled all up to this number. */
    acknowledged: number;
    lag: number;
    subscribedAt: Date;
  }[];
  /** Where the next page starts; null at the end. */
  next: string | null;
}
