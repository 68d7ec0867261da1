/** The forms of answers about messages, channels and debug records: see `answer-form.ts`. */
import { z } from "zod";
import type { ChannelRow } from "../channels/channels.ts";
import {
  count,
  type Fields,
  flag,
  list,
  maybeCount,
  maybeText,
  object,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import type { DebugOrders, DebugRow } from "../contract/debug.ts";
import type { MessageRow, Sent } from "./messages.ts";

const messageFields = { id: text, seq: count, type: text, payload: object };
export const messageRow = row<MessageRow>({
  ...messageFields,
  attempt: count.optional(),
  attachments: list(object),
} as Fields<MessageRow>);
export const sent = list(
  row<Sent>({ id: text, recipients: count.optional(), seq: count.optional() }),
);
/** `unseen`: numbers whose rows are not visible yet. */
export const acknowledged = row<{ unseen: number[] }>({ unseen: list(count) });
/** The newest numbers of what a client listens to. */
export interface Newest {
  log: number | null;
  inbox: number | null;
  channels: Record<string, number>;
}
export const newest = row<Newest>({
  log: maybeCount,
  inbox: maybeCount,
  channels: z.record(text, count),
});
export const beaten = row<{ watched: boolean; newest: Newest }>({ watched: flag, newest });
export const openInbox = row<{ topic: string; acknowledged: number }>({
  topic: text,
  acknowledged: count,
});
export const inboxPage = row<{ messages: MessageRow[]; up_to: number; more: boolean }>({
  messages: list(messageRow),
  up_to: count,
  more: flag,
});

export const channelRow = row<ChannelRow>({
  id: text,
  name: text,
  kind: word,
  description: text,
  created_by: maybeText,
  publishers: texts,
  last_seq: count,
  created_at: text,
});
export interface ChannelPageRow {
  topic: string;
  messages: MessageRow[];
  last_seq: number;
  acknowledged: number | null;
  more: boolean;
}
export const channelPage = row<ChannelPageRow>({
  topic: text,
  messages: list(messageRow),
  last_seq: count,
  acknowledged: maybeCount,
  more: flag,
});

export const subscriberRow = row<{
  subscriber_id: string;
  acknowledged: number;
  subscribed_at: string;
}>({ subscriber_id: text, acknowledged: count, subscribed_at: text });
export const subscription = row<{
  channel: string;
  kind: ChannelRow["kind"];
  last_seq: number;
  acknowledged: number;
  subscribed_at: string;
}>({ channel: text, kind: word, last_seq: count, acknowledged: count, subscribed_at: text });
interface SubscriberRow {
  id: string;
  acknowledged: number;
  lag: number;
  subscribed_at: string;
}
/** Its name. */
export const deletedChannel = row<{ deleted: string }>({ deleted: text });
export const channelStatistics = row<{
  name: string;
  kind: ChannelRow["kind"];
  last_seq: number;
  messages: number;
  bytes: number;
  last_minute: number;
  per_minute: number;
  last_sent_at: string | null;
  senders: number;
  subscribers: SubscriberRow[];
}>({
  name: text,
  kind: word,
  last_seq: count,
  messages: count,
  bytes: count,
  last_minute: count,
  per_minute: count,
  last_sent_at: maybeText,
  senders: count,
  subscribers: list(
    row<SubscriberRow>({ id: text, acknowledged: count, lag: count, subscribed_at: text }),
  ),
});

interface KeptRecord extends Required<DebugRow> {
  agent_id: string;
  dropped: number;
}
export const keptRecord = row<KeptRecord>({
  id: text,
  agent_id: text,
  level: count,
  category: word,
  name: text,
  data: value,
  duration_ms: maybeCount as unknown as z.ZodType<number>,
  dropped: count,
  at: text,
});
export const debugSetting = row<{
  persist: boolean;
  level: 1 | 2 | 3 | 4;
  max_records_per_minute: number;
  keep: number;
}>({
  persist: flag,
  level: count as unknown as z.ZodType<1 | 2 | 3 | 4>,
  max_records_per_minute: count,
  keep: count,
});
export const debugOrders = row<DebugOrders>({
  levels: z.record(text, count),
  seconds: count,
  all: flag,
  sends_per_second: count,
  persist: count,
});
