import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { RealtimeLimits } from "../../../local/src/realtime/index.ts";
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
let project: TestProject | undefined;

beforeAll(async () => {
  database = await openDatabase();
});
afterEach(async () => {
  await project?.close();
  project = undefined;
});
afterAll(() => database?.close());

async function start(limits: Partial<RealtimeLimits>): Promise<TestProject> {
  project = await startProject(database.url, limits);
  return project;
}

function socketUrl({ url, keys }: TestProject, key = keys.publishableKey): string {
  return `${url.replace("http", "ws")}/realtime/v1/websocket?vsn=2.0.0&apikey=${key}`;
}

function open(target: TestProject): Promise<RawClient> {
  return new RawClient(socketUrl(target)).open();
}

function take(client: RawClient, part: string): Promise<{ text: string }> {
  return client.take((frames) => frames.findIndex(({ text }) => text.includes(part)), part);
}

async function join(client: RawClient, topic: string, config: object = {}): Promise<string> {
  client.send(JSON.stringify(["1", "1", `realtime:${topic}`, "phx_join", { config }]));
  return (await take(client, "phx_reply")).text;
}

const broadcast = (ref: string, topic: string) =>
  JSON.stringify(["1", ref, `realtime:${topic}`, "broadcast", { event: "e", payload: {} }]);

test("a client above the plan's limit can connect before the others join, but cannot join", async () => {
  const target = await start({ connections: 1 });
  const [first, second] = [await open(target), await open(target)];
  expect(await join(first, "room")).toContain('"status":"ok"');
  expect(await join(second, "room")).toContain(
    '"reason":"ConnectionRateLimitReached: Too many connected users"',
  );
  // This client has already joined. A client counts once, however many channels it is in.
  expect(await join(first, "other")).toContain('"status":"ok"');
  const refused = await new RawClient(socketUrl(target)).refused();
  expect(refused).toMatchObject({ status: 429, body: '{"error":"Too many connected users"}' });
  first.socket.close();
  await first.closed();
  while (!(await join(second, "room")).includes('"status":"ok"'));
});

test("a join over the rate is refused, and the topic's earlier channel and the socket are closed", async () => {
  const target = await start({ joinsPerSecond: 1, rateTickMs: 60, rateTicks: 1 });
  const client = await open(target);
  const refused = () => client.frames.some(({ text }) => text.includes("ClientJoinRateLimit"));
  let ref = 0;
  while (!refused() && client.socket.readyState === client.socket.OPEN) {
    client.send(JSON.stringify([`${++ref}`, `${ref}`, "realtime:room", "phx_join", {}]));
    const mine = `["${ref}","${ref}","realtime:room","phx_reply"`;
    await client.take((frames) => {
      const at = frames.findIndex(({ text }) => text.startsWith(mine));
      return at >= 0 && frames[at]?.text.includes("ClientJoin") ? frames.push(frames[at]) - 1 : at;
    }, mine);
  }
  expect(await client.closed()).toBe(1001);
  const last = client.frames.map(({ text }) => text).filter((text) => !text.includes("system"));
  expect(last.at(-1)).toBe(`["${ref - 1}","${ref - 1}","realtime:room","phx_close",{}]`);
});

test("database broadcasts over the project's rate are dropped in silence, and each receiver counts", async () => {
  // Twenty messages to two receivers count as sixty, which is over the limit. Twenty alone would not be.
  const limit = { messagesPerSecond: 59 / 0.2, rateTickMs: 200, rateTicks: 1 };
  const target = await start(limit);
  const clients = [await open(target), await open(target)];
  for (const client of clients) await join(client, "flooded");
  const messages = Array.from({ length: 20 }, (_, n) => ({
    id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
    topic: "flooded",
    event: "flood",
    private: false,
    payload: "{}",
    binary: null,
  }));
  let told = 0;
  let heard = 0;
  while (heard === told) {
    target.realtime.publish(messages);
    told += messages.length;
    for (const client of clients) {
      client.send(JSON.stringify([null, "beat", "phoenix", "heartbeat", {}]));
      await take(client, '"beat"');
    }
    heard = clients[0]?.frames.filter(({ binary }) => binary).length ?? 0;
    expect(clients[1]?.frames.filter(({ binary }) => binary)).toHaveLength(heard);
  }
  const said = clients.flatMap(({ frames }) => frames.map(({ text }) => text));
  expect(said.filter((text) => /phx_close|"error"/.test(text))).toEqual([]);
});

test("if presence is on for all clients, a join that does not ask for presence gets it too", async () => {
  const target = await start({ presenceForAll: true });
  const client = await open(target);
  await join(client, "room");
  await take(client, "presence_state");
});

test("a reload is announced in each channel, and closes the sockets with 1012", async () => {
  const target = await start({});
  const client = await open(target);
  await join(client, "one");
  await join(client, "two");
  target.realtime.reload();
  for (const topic of ["one", "two"])
    expect((await take(client, `"realtime:${topic}","system"`)).text).toBe(
      `[null,null,"realtime:${topic}","system",{"extension":"system","message":"Server requested disconnect","status":"ok"}]`,
    );
  expect(await client.closed()).toBe(1012);
});

test("a name over 255 bytes is not announced, and later ones are", async () => {
  const target = await start({});
  const long = "n".repeat(300);
  const client = await open(target);
  await join(client, long);
  await join(client, "room");
  await database.sql`select realtime.send('{}', 'lost', ${long}, false)`;
  await database.sql`select realtime.send('{}', ${long}, 'room', false)`;
  await database.sql`select realtime.send('{}', 'found', 'room', false)`;
  await take(client, "found");
  expect(client.frames.filter(({ binary }) => binary)).toEqual([]);
});

test("a join that wants postgres_changes is refused without blocking its socket", async () => {
  const target = await start({ joinErrorBackoffMs: 60_000 });
  const client = await open(target);
  const config = { postgres_changes: [{ event: "*", schema: "public", table: "t" }] };
  for (let i = 0; i < 3; i++)
    expect(await join(client, "changes", config)).toContain("PostgresChangesUnavailable");
});

test("after too many joins, further connections are refused", async () => {
  const target = await start({ joinsPerSecond: 1, rateTickMs: 200, rateTicks: 1 });
  const client = await open(target);
  for (let i = 0; i < 5; i++)
    client.send(JSON.stringify(["1", "1", `realtime:room${i}`, "phx_join", {}]));
  for (;;) {
    const other = new RawClient(socketUrl(target));
    const refused = await Promise.race([other.refused(), other.open()]);
    if (refused instanceof RawClient) {
      refused.socket.close();
      await refused.closed();
      continue;
    }
    expect(refused).toMatchObject({ status: 429, body: '{"error":"Too many joins per second"}' });
    return;
  }
});

test("over the message rate, the receivers' channels are closed, and the sender's acks stay ok", async () => {
  const target = await start({ messagesPerSecond: 2, rateTickMs: 30, rateTicks: 1 });
  const sender = await open(target);
  const receiver = await open(target);
  await join(sender, "room", { broadcast: { ack: true } });
  await join(receiver, "room");
  const closed = take(receiver, "phx_close");
  let ref = 1;
  while (!receiver.frames.some(({ text }) => text.includes("Too many messages"))) {
    sender.send(broadcast(String(++ref), "room"));
    expect((await take(sender, "phx_reply")).text).toContain('"status":"ok"');
  }
  await closed;
});

test("frames sent while a join is refused are answered after it, in order", async () => {
  const target = await start({ joinErrorBackoffMs: 100 });
  const client = await open(target);
  client.send(JSON.stringify(["1", "1", "realtime:", "phx_join", {}]));
  client.send(JSON.stringify([null, "2", "phoenix", "heartbeat", {}]));
  client.send(JSON.stringify([null, "3", "realtime:x", "broadcast", {}]));
  const refs = [];
  for (let i = 0; i < 3; i++) refs.push(JSON.parse((await take(client, "phx_reply")).text)[1]);
  expect(refs).toEqual(["1", "2", "3"]);
});

test("a socket that queues more than it may while it is blocked is dropped", async () => {
  const target = await start({ joinErrorBackoffMs: 5_000, bufferedBytes: 1_000 });
  const client = await open(target);
  client.send(JSON.stringify(["1", "1", "realtime:", "phx_join", {}]));
  client.send(broadcast("x".repeat(2_000), "room"));
  expect(await client.closed()).toBe(1006);
});

test("presence over its rate closes the channel that asks for more", async () => {
  const target = await start({ presencePerSecond: 1, rateTickMs: 30, rateTicks: 1 });
  const client = await open(target);
  await join(client, "room", { presence: { enabled: true, key: "a" } });
  for (let round = 0; !client.frames.some(({ text }) => text.includes("phx_close")); round++) {
    const payload = { type: "presence", event: "track", payload: { round } };
    client.send(JSON.stringify(["1", `t${round}`, "realtime:room", "presence", payload]));
    await sleep(31);
  }
  await take(client, "Too many presence messages per second");
});

test("presence counts for clients that receive it, not for those that only show themselves", async () => {
  // The fixtures let everybody read the broadcasts of topics bc:…, but nobody their presence.
  await database.sql`create policy may_show on realtime.messages for insert to authenticated
    with check (realtime.topic() = 'bc:shown' and extension = 'presence')`;
  // The limit is two presence messages in each tick of 30 ms.
  const target = await start({ presencePerSecond: 2 / 0.03, rateTickMs: 30, rateTicks: 1 });
  const token = await userToken(alice);
  const shown: RawClient[] = [];
  for (const key of ["a", "b", "c", "d"]) {
    const client = await open(target);
    const config = { private: true, presence: { enabled: true, key } };
    const body = { config, access_token: token };
    client.send(JSON.stringify(["1", "1", "realtime:bc:shown", "phx_join", body]));
    await take(client, "phx_reply");
    shown.push(client);
  }
  for (let round = 0; round < 3; round++) {
    await sleep(31);
    const payload = { type: "presence", event: "track", payload: { round } };
    shown[0]?.send(JSON.stringify(["1", `t${round}`, "realtime:bc:shown", "presence", payload]));
    const reply = shown[0] && (await take(shown[0], `"t${round}"`));
    expect(reply?.text).toContain('"status":"ok"');
  }
  expect(shown.flatMap(({ frames }) => frames.map(({ text }) => text))).toEqual([]);
});

test("only keys and tokens of the project open a connection", async () => {
  const target = await start({});
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`;
  for (const key of ["sb_secret_other", "sb_publishable_", unsigned])
    expect((await new RawClient(socketUrl(target, key)).refused()).status).toBe(401);
  for (const key of [target.keys.publishableKey, target.keys.secretKey, await userToken(alice)])
    await new RawClient(socketUrl(target, key)).open();
});

test("closing the server closes its sockets with 1012", async () => {
  const target = await start({});
  const client = await open(target);
  await join(client, "room");
  expect(target.realtime.health()).toEqual({ state: "ok", connections: 1, channels: 1 });
  const [code] = await Promise.all([client.closed(), target.realtime.close()]);
  expect(code).toBe(1012);
});

test("a lost database connection is opened again, and messages flow", async () => {
  const { hostname, port } = new URL(database.url);
  const connections = new Set<Socket>();
  const between = createServer((client) => {
    const server = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      connections.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => between.listen(0, hostname, resolve));
  const url = new URL(database.url);
  url.port = String((between.address() as AddressInfo).port);
  project = await startProject(url.href);
  const client = await open(project);
  await join(client, "room");
  for (const one of connections) one.destroy();
  while (project.realtime.health().state === "ok") await sleep(5);
  while (project.realtime.health().state === "down") await sleep(5);
  await database.sql`select realtime.send('{"n":1}', 'back', 'room', false)`;
  await take(client, "back");
  between.close();
});
