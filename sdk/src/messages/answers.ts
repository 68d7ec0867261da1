/** Schemas of answers about messages. See `answer-form.ts`. */
import { count, type Fields, flag, list, object, row, text } from "../contract/answer-form.ts";
import type { MessageRow, Sent } from "./content.ts";

const messageFields = { id: text, seq: count, type: text, payload: object };
export const messageRow = row<MessageRow>({
  ...messageFields,
  attempt: count.optional(),
  attachments: list(object),
} as Fields<MessageRow>);
const sent = row<Sent>({ id: text, recipients: count.optional(), seq: count.optional() });
export const sentAndAcknowledged = row<{ sent: Sent[]; unseen: number[] }>({
  sent: list(sent),
  unseen: list(count),
});
/** `unseen`: numbers whose rows are not visible yet. */
export const acknowledged = row<{ unseen: number[] }>({ unseen: list(count) });

export const openInbox = row<{ topic: string; acknowledged: number }>({
  topic: text,
  acknowledged: count,
});
export const inboxPage = row<{ messages: MessageRow[]; up_to: number; more: boolean }>({
  messages: list(messageRow),
  up_to: count,
  more: flag,
});
