/** Schemas of answers about channels. See `answer-form.ts`. */
import {
  count,
  flag,
  list,
  maybeCount,
  maybeText,
  row,
  text,
  texts,
  word,
} from "../contract/answer-form.ts";
import { messageRow } from "../messages/answers.ts";
import type { MessageRow } from "../messages/content.ts";
import type { ChannelRow } from "./types.ts";

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
/** The name of the deleted channel. */
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
