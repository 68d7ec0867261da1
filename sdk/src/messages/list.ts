import { count, flag, list, maybeText, object, row, text, word } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf, wrongPage } from "../contract/invalid.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import type { MessageTarget, Priority } from "./content.ts";

/** @internal */
export interface StoredMessageRow {
  id: string;
  type: string;
  sender_id: string | null;
  sender_kind: "agent" | "person" | "service";
  target: Exclude<MessageTarget, string>;
  channel_id: string | null;
  conversation_id: string | null;
  correlation_id: string | null;
  reply_to: string | null;
  priority: Priority;
  reply_required: boolean;
  payload: Record<string, unknown>;
  sent_at: string;
}

/** A recipient of a message. */
export interface Delivery {
  recipientId: string;
  /** How often it was delivered. */
  attempts: number;
  /** When it was handled; null while it waits. */
  acknowledgedAt: Date | null;
}

/** A message that was sent, for anyone who may read it later. */
export type StoredMessage = FromRow<StoredMessageRow> & {
  /** Its recipients. Empty for a message in a channel. */
  deliveries: Delivery[];
};

/** Which messages to list. */
export interface ListMessages {
  /** Only the messages with these ids, such as the ones in events of the log. */
  ids?: string[];
  /** Only messages in the inbox of this agent or person. */
  recipient?: string;
  sender?: string;
  since?: Date;
  /** 100 by default, 1,000 at most. It does not apply to `ids`. */
  limit?: number;
}

interface DeliveryRow {
  message_id: string;
  recipient_id: string;
  attempts: number;
  acknowledged_at: string | null;
  seq: number;
}
const storedRow = row<StoredMessageRow>({
  id: text,
  type: text,
  sender_id: maybeText,
  sender_kind: word,
  target: object as never,
  channel_id: maybeText,
  conversation_id: maybeText,
  correlation_id: maybeText,
  reply_to: maybeText,
  priority: word,
  reply_required: flag,
  payload: object,
  sent_at: text,
});
const deliveryRow = row<DeliveryRow>({
  message_id: text,
  recipient_id: text,
  attempts: count,
  acknowledged_at: maybeText,
  seq: count,
});
const columns =
  "id, type, sender_id, sender_kind, target, channel_id, conversation_id, correlation_id, reply_to, priority, reply_required, payload, sent_at";
const deliveryColumns = "message_id, recipient_id, attempts, acknowledged_at, seq";
/** How many ids one request may have, because the length of a URL is limited. */
const chunk = 100;

/** Messages, newest first. */
export async function listMessages(
  link: Link,
  tenant: string,
  { ids, recipient, sender, since, limit = 100 }: ListMessages,
): Promise<Result<StoredMessage[]>> {
  const wrong = wrongPage("limit", limit);
  if (wrong) return failed(wrong);
  let wanted = ids?.map(idOf);
  if (recipient !== undefined) {
    const inbox = await readPage(deliveryRow, limit, (last, rows) => {
      let query = link.client
        .from("deliveries")
        .select(deliveryColumns)
        .eq("tenant_id", tenant)
        .eq("recipient_id", idOf(recipient));
      if (last) query = query.lt("seq", last.seq);
      return query.order("seq", { ascending: false }).limit(rows);
    });
    if (inbox.error) return inbox;
    wanted = inbox.data.map(({ message_id }) => message_id);
  }
  const messages = () => {
    let query = link.client.from("messages").select(columns).eq("tenant_id", tenant);
    if (sender !== undefined) query = query.eq("sender_id", idOf(sender));
    if (since) query = query.gte("sent_at", instantOf(since));
    return query.order("sent_at", { ascending: false }).order("id", { ascending: false });
  };
  const found = wanted
    ? await inChunks(wanted, storedRow, (some) => messages().in("id", some))
    : await readPage(storedRow, limit, (last, rows) => {
        const query = messages().limit(rows);
        if (!last) return query;
        const { sent_at, id } = last;
        return query.or(`sent_at.lt."${sent_at}",and(sent_at.eq."${sent_at}",id.lt.${id})`);
      });
  if (found.error) return found;
  const inInboxes = found.data.filter(({ channel_id }) => channel_id === null);
  const delivered = await inChunks(
    inInboxes.map(({ id }) => id),
    deliveryRow,
    (some) =>
      link.client
        .from("deliveries")
        .select(deliveryColumns)
        .eq("tenant_id", tenant)
        .in("message_id", some),
  );
  if (delivered.error) return delivered;
  const deliveries = new Map<string, DeliveryRow[]>();
  for (const delivery of delivered.data) {
    const { message_id } = delivery;
    deliveries.set(message_id, [...(deliveries.get(message_id) ?? []), delivery]);
  }
  const newestFirst = found.data.sort((a, b) => Date.parse(b.sent_at) - Date.parse(a.sent_at));
  return ok(
    newestFirst.map((message) => ({
      ...fromRow(message),
      deliveries: (deliveries.get(message.id) ?? []).map(toDelivery),
    })),
  );
}

const toDelivery = ({ recipient_id, attempts, acknowledged_at }: DeliveryRow): Delivery =>
  fromRow({ recipient_id, attempts, acknowledged_at });

async function inChunks<Row extends object>(
  ids: string[],
  form: Parameters<typeof list<Row>>[0],
  ask: (some: string[]) => PromiseLike<{ data: unknown; error: unknown; status: number }>,
): Promise<Result<Row[]>> {
  const rows: Row[] = [];
  for (let at = 0; at < ids.length; at += chunk) {
    const read = fromDataApi(await ask(ids.slice(at, at + chunk)), list(form));
    if (read.error) return read;
    rows.push(...read.data);
  }
  return ok(rows);
}
