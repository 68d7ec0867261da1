/** Tries each Realtime call of supabase-js that local/COMPATIBILITY.md lists, with the result that it states. */
import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Verdict, verdictsOf } from "../calls.ts";
import { RawClient } from "./client.ts";
import {
  alice,
  openDatabase,
  startProject,
  type TestDatabase,
  type TestProject,
  userToken,
} from "./harness.ts";

let database: TestDatabase;
let project: TestProject;
const clients: SupabaseClient[] = [];

beforeAll(async () => {
  database = await openDatabase();
  project = await startProject(database.url);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.realtime.disconnect();
});
afterAll(async () => {
  await project?.close();
  await database?.close();
});

function clientOf(token?: string): SupabaseClient {
  const client = createClient(project.url, project.keys.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    ...(token ? { accessToken: async () => token } : {}),
  });
  clients.push(client);
  return client;
}
const person = async () => {
  const client = clientOf(await userToken(alice));
  await client.realtime.setAuth();
  return client;
};

/** The first status, and its error. */
const statusOf = (channel: RealtimeChannel): Promise<[string, Error | undefined]> =>
  new Promise((resolve) => channel.subscribe((status, error) => resolve([status, error])));
const subscribed = async (channel: RealtimeChannel): Promise<RealtimeChannel> => {
  expect((await statusOf(channel))[0]).toBe("SUBSCRIBED");
  return channel;
};
const next = (channel: RealtimeChannel, event: string): Promise<Record<string, unknown>> =>
  new Promise((resolve) => channel.on("broadcast", { event }, resolve));
const isPrivate = { config: { private: true } };

const calls: Record<string, () => Promise<Verdict>> = {
  async "channel, subscribe"() {
    await subscribed(clientOf().channel("room"));
    return "works";
  },
  async "subscribe to a private channel"() {
    await subscribed((await person()).channel("priv:room", isPrivate));
    expect((await statusOf((await person()).channel("hidden:room", isPrivate)))[0]).toBe(
      "CHANNEL_ERROR",
    );
    return "works";
  },
  async "unsubscribe, removeChannel, removeAllChannels, getChannels"() {
    const client = clientOf();
    const one = await subscribed(client.channel("one"));
    await subscribed(client.channel("two"));
    expect(await one.unsubscribe()).toBe("ok");
    expect(await client.removeChannel(await subscribed(client.channel("three")))).toBe("ok");
    expect(client.getChannels().map(({ topic }) => topic)).toEqual(["realtime:two"]);
    expect(await client.removeAllChannels()).toEqual(["ok"]);
    return "works";
  },
  async "send a broadcast, with ack and self"() {
    const config = { broadcast: { ack: true, self: true } };
    const channel = clientOf().channel("acked", { config });
    const heard = next(channel, "hi");
    await subscribed(channel);
    expect(await channel.send({ type: "broadcast", event: "hi", payload: { n: 1 } })).toBe("ok");
    expect(await heard).toMatchObject({ payload: { n: 1 } });
    return "works";
  },
  async "send bytes"() {
    const [mine, other] = [clientOf().channel("bytes"), clientOf().channel("bytes")];
    const heard = next(other, "raw");
    await Promise.all([subscribed(mine), subscribed(other)]);
    const payload = new Uint8Array([0, 255]).buffer;
    await mine.send({ type: "broadcast", event: "raw", payload });
    expect([...new Uint8Array((await heard).payload as ArrayBuffer)]).toEqual([0, 255]);
    return "works";
  },
  async httpSend() {
    const channel = clientOf().channel("http");
    const heard = next(channel, "posted");
    await subscribed(channel);
    expect(await clientOf().channel("http").httpSend("posted", { n: 2 })).toEqual({
      success: true,
    });
    expect(await heard).toMatchObject({ payload: { n: 2 } });
    return "works";
  },
  async "broadcast replay"() {
    const since = Date.now() - 1_000;
    await database.sql`select realtime.send('{"n":3}', 'past', 'priv:replayed', true)`;
    const config = { private: true, broadcast: { replay: { since, limit: 5 } } };
    const channel = (await person()).channel("priv:replayed", { config });
    const heard = next(channel, "past");
    await subscribed(channel);
    expect(await heard).toMatchObject({ payload: { n: 3 }, meta: { replayed: true } });
    return "works";
  },
  async "realtime.send and realtime.broadcast_changes in SQL"() {
    await database.sql.unsafe(`
      create table if not exists public.watched (id int);
      create or replace function public.tell() returns trigger language plpgsql as $$
      begin
        perform realtime.broadcast_changes('priv:watched', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
        return null;
      end $$;
      create or replace trigger tell after insert on public.watched
        for each row execute function public.tell();`);
    const channel = (await person()).channel("priv:watched", isPrivate);
    const [sent, changed] = [next(channel, "said"), next(channel, "INSERT")];
    await subscribed(channel);
    await database.sql`select realtime.send('{"n":4}', 'said', 'priv:watched', true)`;
    await database.sql`insert into public.watched values (5)`;
    expect(await sent).toMatchObject({ payload: { n: 4 } });
    expect(await changed).toMatchObject({ payload: { operation: "INSERT", record: { id: 5 } } });
    return "works";
  },
  async "track, untrack, presenceState, presence sync, join and leave"() {
    const channel = clientOf().channel("present", { config: { presence: { key: "me" } } });
    // One overload of the events is enough for the compiler.
    const on = (event: string) =>
      new Promise((resolve) =>
        channel.on("presence", { event: event as "sync" }, () => resolve(undefined)),
      );
    const [synced, joined, left] = [on("sync"), on("join"), on("leave")];
    await subscribed(channel);
    expect(await channel.track({ here: true })).toBe("ok");
    await Promise.all([synced, joined]);
    expect(channel.presenceState()).toMatchObject({ me: [{ here: true }] });
    expect(await channel.untrack()).toBe("ok");
    await left;
    return "works";
  },
  async "setAuth, accessToken"() {
    const client = clientOf();
    await client.realtime.setAuth(await userToken(alice));
    await subscribed(client.channel("priv:auth", isPrivate));
    return "works";
  },
  async "connect, disconnect, isConnected, connectionState"() {
    const client = clientOf();
    await subscribed(client.channel("connected"));
    expect([client.realtime.isConnected(), client.realtime.connectionState()]).toEqual([
      true,
      "open",
    ]);
    await client.realtime.disconnect();
    expect(client.realtime.isConnected()).toBe(false);
    return "works";
  },
  async "sendHeartbeat, onHeartbeat"() {
    const client = clientOf();
    const beat = new Promise<void>((resolve) =>
      client.realtime.onHeartbeat((status) => status === "ok" && resolve()),
    );
    await subscribed(client.channel("beating"));
    await client.realtime.sendHeartbeat();
    await beat;
    return "works";
  },
  async "on system"() {
    const channel = clientOf().channel("told", {
      config: { broadcast: { replication_ready: true } },
    } as never);
    const heard = new Promise((resolve) => channel.on("system", {}, resolve));
    await subscribed(channel);
    expect(await heard).toMatchObject({ message: "Replication connection established" });
    return "works";
  },
  async "on postgres_changes"() {
    const channel = clientOf().channel("changes");
    channel.on("postgres_changes", { event: "*", schema: "public" }, () => {});
    const [status, error] = await statusOf(channel);
    expect(status).toBe("CHANNEL_ERROR");
    expect(error?.message).toContain("realtime.broadcast_changes");
    return "says no";
  },
  async "integers beyond 2^53 in a broadcast to a client of protocol 1.0.0"() {
    const url = `${project.url.replace("http", "ws")}/realtime/v1/websocket?vsn=1.0.0`;
    const client = await new RawClient(`${url}&apikey=${project.keys.publishableKey}`).open();
    const frame = (event: string, payload: string) =>
      `{"topic":"realtime:big","event":"${event}","ref":"1","payload":${payload}}`;
    client.send(frame("phx_join", '{"config":{"broadcast":{"self":true}}}'));
    client.send(frame("broadcast", '{"event":"n","payload":{"n":9007199254740993}}'));
    const find = (frames: { text: string }[]) =>
      frames.findIndex(({ text }) => text.includes('"n":9'));
    expect((await client.take(find, "the number")).text).toContain("9007199254740992");
    client.socket.close();
    return "differs";
  },
};

const verdicts = await verdictsOf("Realtime");

test("every call of the table is tried, and no other", () => {
  expect(Object.keys(calls)).toEqual(Object.keys(verdicts));
});
test.each(Object.entries(verdicts))("%s: %s", async (call, verdict) => {
  expect(await calls[call]?.()).toBe(verdict);
});
