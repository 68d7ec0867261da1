import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { long } from "#harness/long";

const rounds = long ? 2_000 : 60;

let local: TestLocal;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal({
    limits: { joinErrorBackoffMs: 20, messagesPerSecond: 100_000, joinsPerSecond: 10_000 },
    faults: {
      seed: 42,
      drop: 0.1,
      late: 0.1,
      lateMs: 300,
      reorder: 0.1,
      closeSocket: 0.02,
      expireToken: 0.02,
      refuseJoin: 0.1,
    },
  });
  ({ mayfly } = await local.enter({ writes_per_minute: 1_000_000 }));
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});

describe("a Realtime that drops, delays, reorders, closes and refuses", () => {
  it(
    "lets a watch miss nothing and repeat nothing",
    async () => {
      const reader = await spawnIn(mayfly, { name: "reader", lifetime: 900 });
      const writers = await Promise.all(
        ["one", "two"].map((name) => spawnIn(mayfly, { name, lifetime: 900 })),
      );
      const seen: string[] = [];
      const written = new Map<string, string[]>();
      const all = Promise.withResolvers<void>();
      const watch = dataOf(
        await reader.log.watch({ types: ["memory.created"], pollMs: 200 }, ({ events }) => {
          for (const { subject } of events) seen.push(String(subject));
          if (
            [...written.values()].every(
              (ids) => ids.length === rounds && seen.includes(ids.at(-1) ?? ""),
            )
          )
            all.resolve();
        }),
      );
      await Promise.all(
        writers.map(async (writer) => {
          const ids: string[] = [];
          written.set(writer.id, ids);
          for (let round = 0; round < rounds; round++) {
            ids.push(dataOf(await writer.remember({ task: `${writer.name}, round ${round}` })).id);
            dataOf(await writer.sync({ pull: false }));
          }
        }),
      );
      // After a lost nudge, the events arrive with the next nudge, or after 30 s.
      const [writer] = writers;
      const nudging = setInterval(async () => {
        await writer?.remember({ task: "one more" });
        await writer?.sync({ pull: false });
      }, 300);
      await all.promise;
      clearInterval(nudging);
      await watch.stop();
      expect(new Set(seen).size).toBe(seen.length);
      for (const ids of written.values())
        expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
      for (const agent of [reader, ...writers]) await agent.stop();
    },
    long ? 600_000 : 60_000,
  );
});
