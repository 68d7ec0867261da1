/** What a run holds in memory while its model is faster than the database. */
import { setImmediate } from "node:timers/promises";
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { defineAgent, runAgents } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { sqlDoor } from "#harness/jobs-door";
import { makeRunning, partsOf, runOf, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

it("a model that is faster than the database waits for it, and nothing of its answer is lost", async () => {
  const words = 8_000;
  const text = Array.from({ length: words }, (_, n) => `${n} `).join("");
  let pulled = 0;
  const agent = defineAgent({
    name: "talker",
    model: new MockLanguageModelV4({
      provider: "test.scripted",
      modelId: "fast",
      doStream: async () => {
        const parts = partsOf(1, text);
        return {
          stream: new ReadableStream<LanguageModelV4StreamPart>(
            {
              pull(stream) {
                const part = parts[pulled++];
                if (part) stream.enqueue(part);
                else stream.close();
              },
            },
            { highWaterMark: 0 },
          ),
        };
      },
    }),
  });
  const { worker } = await makeRunning(db.sql);
  const id = await start(db.sql, worker.claims, agent, "Talk.");
  const inner = sqlDoor(db.sql, worker.claims);
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: typeof inner = {
    ...inner,
    async call(name, values, form) {
      if (name === "append_run_chunks") {
        begin();
        await released;
      }
      return inner.call(name, values, form);
    },
  };
  const done = work(db.sql, worker.claims, slow, runAgents(agent));
  await begun;
  // While the database does not answer, the worker reads no more from the model than it may hold in memory.
  for (let turn = 0; turn < 3_000; turn++) await setImmediate();
  const held = pulled;
  release();
  expect(await done).toEqual([]);
  expect(held).toBeLessThan(words / 2);
  expect(pulled).toBeGreaterThan(words);
  const { output } = await runOf(db.sql, worker.claims, id);
  expect(JSON.parse(output ?? "null")).toBe(text);
});
