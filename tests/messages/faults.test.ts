import { type Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { long } from "#harness/long";
import { startProxy, type TestProxy } from "#harness/proxy";

const messages = long ? 10_000 : 1_000;
const cuts = long ? 100 : 10;

let local: TestLocal;
let proxy: TestProxy;
let mayfly: Mayfly;
let behind: Mayfly;
const agents: Agent[] = [];
beforeAll(async () => {
  local = await startTestLocal({
    limits: { joinErrorBackoffMs: 20, messagesPerSecond: 100_000, joinsPerSecond: 10_000 },
    faults: {
      seed: 7,
      drop: 0.05,
      late: 0.05,
      lateMs: 200,
      reorder: 0.05,
      closeSocket: 0.002,
      expireToken: 0.002,
      refuseJoin: 0.1,
    },
  });
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  const entered = await local.enter({ writes_per_minute: 1_000_000 });
  mayfly = entered.mayfly;
  behind = new Mayfly({ url: proxy.url, key: local.secretKey, tenant: entered.tenant });
});
afterEach(async () => {
  proxy.up();
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
  await Promise.all([mayfly.close(), behind.close()]);
});

describe("a connection that is cut at random, and a Realtime that drops, delays and reorders", () => {
  it(
    "lets an inbox and a channel miss nothing and repeat nothing",
    async () => {
      const scopes = ["message:read", "message:send", "memory:read", "channel:write"];
      const spawn = async (by: Mayfly) => {
        const agent = await spawnIn(by, { lifetime: 900, scopes });
        agents.push(agent);
        return agent;
      };
      const [sender, reader] = [await spawn(behind), await spawn(behind)];
      dataOf(await sender.channels.create({ name: "all", kind: "broadcast" }));
      const inbox: unknown[] = [];
      const channel: unknown[] = [];
      const all = Promise.withResolvers<void>();
      const note = (list: unknown[]) => (message: { payload: Record<string, unknown> }) => {
        list.push(message.payload.n);
        if (inbox.length >= messages && channel.length >= messages / 10) all.resolve();
      };
      reader.on("tick", note(inbox));
      reader.channels.open("all").on(note(channel), { since: "start" });

      const sendAll = async () => {
        for (let n = 0; n < messages; n += 10) {
          if (n % (messages / cuts) === 0) proxy.closeSockets();
          if (n % ((2 * messages) / cuts) === 0) {
            proxy.down();
            setTimeout(() => proxy.up(), 100 * Math.random());
          }
          const sent = Array.from({ length: 10 }, (_, i) =>
            sender.send(reader.id, "tick", { n: n + i }),
          );
          const published = sender.channels.publish("all", "tick", { n: n / 10 });
          for (const result of await Promise.all([...sent, published])) dataOf(result);
        }
      };
      await sendAll();
      // If the last broadcast is dropped, its messages arrive with the next broadcast, or after 30 s.
      await all.promise;
      expect(inbox).toEqual(Array.from({ length: messages }, (_, n) => n));
      expect(channel).toEqual(Array.from({ length: messages / 10 }, (_, n) => n));
    },
    long ? 900_000 : 120_000,
  );
});
