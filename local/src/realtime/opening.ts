import type { Channel } from "./channel.ts";
import type { StoredMessage } from "./database.ts";
import { canonical, type Json } from "./json.ts";
import { encodeUserBroadcast } from "./serializer.ts";

/**
 * Sends the first messages to a channel: who is present, whether replication runs, and the messages
 * that the channel missed.
 */
export function pushOpening(channel: Channel, replayed: StoredMessage[]): void {
  const { request, context } = channel;
  if (request.presenceEnabled && channel.seesPresence) {
    const { presence } = context.rates;
    if (presence.average > presence.limit) {
      channel.stop("Too many presence messages per second");
      return;
    }
    channel.push("presence_state", context.presence.state(channel.key));
    presence.add();
  }
  if (request.legacy) refuseLegacyChanges(channel);
  if (request.replicationReady) announceReplication(channel);
  for (const message of replayed) pushReplayed(channel, message);
}

/** Sends a stored message only to this channel. */
function pushReplayed(channel: Channel, { id, event, payload, binary }: StoredMessage): void {
  const { connection, topic } = channel;
  const meta = { id, replayed: true };
  if (binary) {
    const message = { event, encoding: "binary" as const, payload: binary };
    const frame = encodeUserBroadcast(connection.version, topic, message, meta);
    if (frame) connection.send(frame);
    return;
  }
  const body = JSON.parse(payload ?? "null") as Json;
  channel.push("broadcast", canonical({ event, meta, payload: body, type: "broadcast" }));
}

function announceReplication(channel: Channel): void {
  const { database, limits } = channel.context;
  const ready = () => channel.system("ok", "Replication connection established");
  if (database.listening) {
    ready();
    return;
  }
  const timeout = setTimeout(
    () => channel.stop("Replication connection was not established in time"),
    limits.replicationReadyTimeoutMs,
  );
  timeout.unref();
  void database.untilListening().then(() => {
    clearTimeout(timeout);
    if (!channel.closed) ready();
  });
}

/** A join without a config asks for the changes of the schema, table and filter in its topic. */
export function legacyChange(name: string): Record<string, string> {
  const [schema = "", table, ...filter] = name.split(":");
  return {
    schema,
    ...(table === undefined ? {} : { table }),
    ...(filter.length === 0 ? {} : { filter: filter.join(":") }),
  };
}

/**
 * Sends the message of Supabase's server for a table that is not replicated. Here, no table is
 * replicated.
 */
function refuseLegacyChanges(channel: Channel): void {
  const { schema, table = "*", filter } = legacyChange(channel.name);
  channel.system(
    "error",
    `Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: [event: *, schema: ${schema}, table: ${table}, filters: [${filter ?? ""}], select: nil]`,
    "postgres_changes",
  );
}
