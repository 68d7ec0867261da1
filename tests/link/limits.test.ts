/** What the SDK says when the Free plan's limits are reached. The server's own behaviour: tests/local/realtime. */
import { once } from "node:events";
import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agents: Agent[];
let others: WebSocket[];
beforeAll(async () => {
  // Rates are averages of 10 s instead of a minute, so that they rise as fast as the tests need.
  // There are fewer connections than in the plan, because each has to join a channel to count.
  const limits = { rateTickMs: 1_000, rateTicks: 10, connections: 40 };
  local = await startTestLocal({ limits });
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ mayfly } = await local.enter());
  [agents, others] = [[], []];
});
afterEach(async () => {
  for (const socket of others) socket.terminate();
  await Promise.all(agents.map((agent) => agent.close()));
  await mayfly.close();
});

async function spawn(): Promise<Agent> {
  const agent = await spawnIn(mayfly, { lifetime: 300 });
  agents.push(agent);
  return agent;
}

/** Other connections in the project. */
async function connect(count: number): Promise<WebSocket[]> {
  const url = `${local.apiUrl.replace("http", "ws")}/realtime/v1/websocket?vsn=2.0.0&apikey=${local.publishableKey}`;
  const opened = Array.from({ length: count }, () => new WebSocket(url));
  others.push(...opened);
  await Promise.all(opened.map((socket) => once(socket, "open")));
  return opened;
}

/**
 * Joins `count` public topics. If `then` is given, also sends it in each topic, as a presence message.
 */
function join(socket: WebSocket, count: number, config: object, then?: object): Promise<void> {
  for (let n = 0; n < count; n++) {
    const topic = `realtime:other-${n}`;
    socket.send(JSON.stringify([`${n}`, `${n}`, topic, "phx_join", { config }]));
    if (then) socket.send(JSON.stringify([`${n}`, `t${n}`, topic, "presence", then]));
  }
  // A channel above its rate is closed, and answers nothing more.
  const last = then ? `"t${count - 1}"` : `"${count - 1}"`;
  return new Promise((resolve) => {
    // One join too many ends the connection.
    socket.once("close", () => resolve());
    socket.on("message", (data) => {
      const text = String(data);
      const ended = text.includes(`other-${count - 1}`) && text.includes("phx_close");
      if (ended || (text.includes(last) && text.includes("phx_reply"))) resolve();
    });
  });
}

/** Waits a second. A rate counts whole seconds, so messages count only when their second is over. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 1_000));

async function until<T>(step: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const done = await step();
    if (done !== undefined) return done;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("at the plan's limit,", () => {
  it("the SDK reports too many connections, durable work continues, and presence comes back later", async () => {
    const [ada, bob] = [await spawn(), await spawn()];
    const sockets = await connect(40);
    await Promise.all(sockets.map((socket) => join(socket, 1, {})));
    const [other] = sockets;
    const { error } = await ada.presence.track({ status: "here" });
    expect(error).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Too many connected users"),
      hint: expect.stringContaining("200 on Free"),
    });
    const problems: unknown[] = [];
    const heard = new Promise<unknown>((resolve) => {
      bob.on("tick", ({ payload }) => resolve(payload.n), {
        onError: (problem) => problems.push(problem),
      });
    });
    dataOf(await ada.send(bob.id, "tick", { n: 1 }));
    expect(await heard).toBe(1);
    await until(async () => problems[0]);
    expect(problems).toMatchObject([{ message: expect.stringContaining("Too many connected") }]);
    for (const socket of others.splice(0)) socket.terminate();
    expect(other?.readyState).not.toBe(WebSocket.OPEN);
    const shown = Promise.withResolvers<string[]>();
    const stop = dataOf(
      await until(async () => {
        const watching = await mayfly.agents.watch((present) => {
          const tracking = present.filter(({ status }) => status !== undefined);
          if (tracking.length > 0) shown.resolve(tracking.map(({ id }) => id));
        });
        return watching.error ? undefined : watching;
      }),
    );
    expect(await shown.promise).toEqual([ada.id]);
    await stop();
  });

  it("the SDK immediately reports too many presence messages", async () => {
    const agent = await spawn();
    dataOf(await agent.presence.track({ status: "first" }));
    const sockets = await connect(4);
    const track = { type: "presence", event: "track", payload: {} };
    for (const socket of sockets)
      await join(socket, 100, { presence: { enabled: true, key: "k" } }, track);
    await tick();
    const { error } = await agent.presence.track({ status: "second" });
    expect(error).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Too many presence messages per second"),
      hint: expect.stringContaining("20 on Free"),
    });
  });

  it("the SDK reports too many joins", async () => {
    const agent = await spawn();
    const names = Array.from({ length: 12 }, (_, n) => `room-${n}`);
    for (const name of names) dataOf(await mayfly.channels.create({ name, kind: "broadcast" }));
    const listen = (name: string) => agent.channels.open(name).onBroadcast("*", () => {});
    // Wait until the joins of the earlier tests no longer count.
    const room = names.pop() ?? "";
    await until(async () => (await listen(room)).data ?? undefined);
    for (const socket of await connect(20)) await join(socket, 99, {});
    await tick();
    const { error } = await listen(names.pop() ?? "");
    expect(error).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Too many joins per second"),
      hint: expect.stringContaining("100 on Free"),
    });
  });
});
