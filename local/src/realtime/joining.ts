import { Access } from "./access.ts";
import type { Connection, Context } from "./context.ts";
import { type Credential, CredentialError } from "./credentials.ts";
import { MissingPartition, type StoredMessage } from "./database.ts";
import { type JoinRequest, parseJoin } from "./join.ts";
import { JoinError } from "./join-error.ts";
import type { Incoming } from "./serializer.ts";

/** An accepted join. */
export interface Joined {
  name: string;
  request: JoinRequest;
  token: string;
  credential: Credential;
  /** Only for private channels. */
  access: Access | undefined;
  replayed: StoredMessage[];
}

/** Checks a join, in the same order as Supabase's Realtime server. @throws JoinError */
export async function checkJoin(
  message: Incoming,
  channelsOpen: number,
  connection: Connection,
  context: Context,
): Promise<Joined> {
  const { limits, rates, users } = context;
  const name = message.topic.slice("realtime:".length);
  if (name === "") throw new JoinError("TopicNameRequired: You must provide a topic name");
  const asked = parseJoin(message.payload);
  const request = { ...asked, presenceEnabled: asked.presenceEnabled || limits.presenceForAll };
  if (limits.suspended)
    throw new JoinError("RealtimeDisabledForTenant: Realtime disabled for this tenant");
  if (limits.privateOnly && !request.private)
    throw new JoinError("PrivateOnly: This project only allows private channels");
  if (!users.has(connection) && users.size >= limits.connections)
    throw new JoinError("ConnectionRateLimitReached: Too many connected users");
  if (rates.joins.reached)
    throw new JoinError("ClientJoinRateLimitReached: Too many joins per second", {
      disconnect: true,
    });
  rates.joins.add();
  if (channelsOpen >= limits.channelsPerConnection)
    throw new JoinError("ChannelRateLimitReached: Too many channels");

  const token = isToken(request.token) ? request.token : connection.token;
  const credential = await authenticated(token, context);
  const access = request.private
    ? new Access(context.database, name, credential, connection.headers)
    : undefined;
  const unreadable = new JoinError(
    `Unauthorized: You do not have permissions to read from this Channel topic: ${name}`,
  );
  const read = await access?.askRead(request.presenceEnabled).catch((error: unknown) => {
    if (!(error instanceof MissingPartition)) throw error;
    throw new JoinError(`MissingPartition: ${error.message}`);
  });
  if (read && !read.broadcast && !read.presence) throw unreadable;
  if (read && !read.broadcast && request.replay !== undefined) throw unreadable;
  const replayed = await replay(name, request, context);
  if (request.malformed)
    throw new JoinError("UnknownErrorOnChannel: no function clause matching in Access.get/3");
  // The real server would accept this join, so our refusal does not block the socket, unlike the
  // server's refusals.
  if (request.postgresChanges)
    throw new JoinError(
      "PostgresChangesUnavailable: The embedded Supabase has no postgres_changes; use realtime.broadcast_changes in a trigger, or a real project",
      { atOnce: true },
    );
  return { name, request, token, credential, access, replayed };
}

/** An API key is not a token. If a join has one, the channel uses the key of its connection. */
export function isToken(token: string | undefined): token is string {
  return token !== undefined && !token.startsWith("sb_");
}

async function authenticated(token: string, context: Context): Promise<Credential> {
  try {
    return await context.authenticate(token);
  } catch (error) {
    if (error instanceof CredentialError) throw new JoinError(error.onJoin);
    throw error;
  }
}

async function replay(
  name: string,
  { replay, private: isPrivate }: JoinRequest,
  { database, log }: Context,
): Promise<StoredMessage[]> {
  if (replay === undefined) return [];
  if (!isPrivate)
    throw new JoinError("UnableToReplayMessages: Replay is not allowed for public channels");
  if (replay === null) throw new JoinError("UnableToReplayMessages: Replay params are not valid");
  try {
    return await database.replay(name, replay.since, replay.limit);
  } catch (error) {
    log.warn("Messages could not be replayed.", { topic: name, problem: String(error) });
    throw new JoinError("UnableToReplayMessages: Realtime was unable to replay messages");
  }
}
