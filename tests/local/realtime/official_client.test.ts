import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  alice,
  bob,
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

/** supabase-js, signed in as a person or not signed in. */
async function clientOf(person?: string): Promise<SupabaseClient> {
  const token = person && (await userToken(person));
  const client = createClient(project.url, project.keys.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    ...(token ? { accessToken: async () => token } : {}),
  });
  if (token) await client.realtime.setAuth();
  clients.push(client);
  return client;
}

function subscribed(channel: RealtimeChannel): Promise<RealtimeChannel> {
  return new Promise((resolve, reject) => {
    channel.subscribe((status, error) => {
      if (status === "SUBSCRIBED") resolve(channel);
      else reject(error ?? new Error(status));
    });
  });
}

/** The next broadcast of this event. */
function next(channel: RealtimeChannel, event: string): Promise<Record<string, unknown>> {
  return new Promise((resolve) => channel.on("broadcast", { event }, resolve));
}

test("a broadcast reaches the others and its sender, and is acknowledged", async () => {
  const config = { broadcast: { ack: true, self: true } };
  const mine = (await clientOf()).channel("room", { config });
  const other = (await clientOf()).channel("room");
  const seen = [next(mine, "hi"), next(other, "hi")];
  await Promise.all([subscribed(mine), subscribed(other)]);
  const sent = await mine.send({ type: "broadcast", event: "hi", payload: { n: 1 } });
  expect(sent).toBe("ok");
  for (const message of await Promise.all(seen)) expect(message.payload).toEqual({ n: 1 });
});

test("bytes arrive as they were sent", async () => {
  const sender = (await clientOf()).channel("bytes", { config: { broadcast: { ack: true } } });
  const receiver = (await clientOf()).channel("bytes");
  const seen = next(receiver, "raw");
  await Promise.all([subscribed(sender), subscribed(receiver)]);
  await sender.send({
    type: "broadcast",
    event: "raw",
    payload: new Uint8Array([0, 1, 255]).buffer,
  });
  const { payload } = await seen;
  expect([...new Uint8Array(payload as ArrayBuffer)]).toEqual([0, 1, 255]);
});

test("a private channel admits the callers that the policies admit, and tells others why not", async () => {
  const config = { private: true };
  await subscribed((await clientOf(alice)).channel("priv:room", { config }));
  await expect(subscribed((await clientOf(bob)).channel("priv:room", { config }))).rejects.toThrow(
    "You do not have permissions to read from this Channel topic: priv:room",
  );
  await expect(subscribed((await clientOf()).channel("priv:room", { config }))).rejects.toThrow(
    "You do not have permissions to read",
  );
});

test("presence shows who is there and who has left", async () => {
  const key = (name: string) => ({ config: { presence: { key: name } } });
  const first = (await clientOf()).channel("lobby", key("first"));
  const secondClient = await clientOf();
  const second = secondClient.channel("lobby", key("second"));
  const states: string[][] = [];
  let changed = () => {};
  first.on("presence", { event: "sync" }, () => {
    states.push(Object.keys(first.presenceState()).sort());
    changed();
  });
  const until = async (...names: string[]) => {
    while (states.at(-1)?.join() !== names.join())
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
  };
  await Promise.all([subscribed(first), subscribed(second)]);
  expect(await first.track({ mood: "here" })).toBe("ok");
  expect(await second.track({ mood: "too" })).toBe("ok");
  await until("first", "second");
  expect(first.presenceState()).toMatchObject({ second: [{ mood: "too" }] });
  await secondClient.realtime.disconnect();
  await until("first");
});

test("messages from the database arrive, live and replayed", async () => {
  const client = await clientOf(alice);
  const live = client.channel("priv:db", { config: { private: true } });
  const seen = next(live, "saved");
  await subscribed(live);
  await database.sql`select realtime.send('{"n":1}', 'saved', 'priv:db')`;
  expect((await seen).payload).toMatchObject({ n: 1 });
  await client.removeChannel(live);

  const since = Date.now() - 60_000;
  const late = client.channel("priv:db", {
    config: { private: true, broadcast: { replay: { since, limit: 5 } } },
  });
  const again = next(late, "saved");
  await subscribed(late);
  expect(await again).toMatchObject({ meta: { replayed: true }, payload: { n: 1 } });
});

test("httpSend reaches subscribers", async () => {
  const receiver = (await clientOf()).channel("posted");
  const seen = next(receiver, "hello");
  await subscribed(receiver);
  const sender = (await clientOf()).channel("posted");
  expect(await sender.httpSend("hello", { n: 2 })).toEqual({ success: true });
  expect((await seen).payload).toEqual({ n: 2 });
});

test("a channel ends when the new token cannot read it", async () => {
  const client = await clientOf(alice);
  const channel = client.channel("priv:revoked", { config: { private: true } });
  const said = new Promise<{ message: string }>((resolve) => channel.on("system", {}, resolve));
  await subscribed(channel);
  await client.realtime.setAuth(await userToken(bob));
  expect((await said).message).toBe(
    "You do not have permissions to read from this Channel topic: priv:revoked",
  );
});

test("a channel that wants postgres_changes is told that there are none", async () => {
  const channel = (await clientOf())
    .channel("changes")
    .on("postgres_changes", { event: "*", schema: "public", table: "todos" }, () => {});
  await expect(subscribed(channel)).rejects.toThrow("PostgresChangesUnavailable");
});

test("the secret key reads and writes everywhere", async () => {
  const client = createClient(project.url, project.keys.secretKey, {
    auth: { persistSession: false },
  });
  clients.push(client);
  const config = { private: true, broadcast: { ack: true } };
  const channel = client.channel("priv:anything", { config });
  await subscribed(channel);
  expect(await channel.send({ type: "broadcast", event: "x", payload: {} })).toBe("ok");
});
