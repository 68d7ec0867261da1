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

test("one connection too many is refused", async () => {
  const target = await start({ connections: 1 });
  await open(target);
  const refused = await new RawClient(socketUrl(target)).refused();
  expect(refused).toMatchObject({ status: 429, body: '{"error":"Too many connected users"}' });
});

test("too many joins refuse further connections", async () => {
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

test("over the message rate the receivers are closed and the sender's acks stay ok", async () => {
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

test("presence counts for those who are told of it, not for those who only show themselves", async () => {
  // Of bc:… the fixtures let everybody read broadcasts, and nobody presence.
  await database.sql`create policy may_show on realtime.messages for insert to authenticated
    with check (realtime.topic() = 'bc:shown' and extension = 'presence')`;
  // Two in each tick of 30 ms.
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

test("a lost database connection is made again and messages flow", async () => {
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
