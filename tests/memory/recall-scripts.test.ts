/** Words of any script: the server finds them, and the local search ranks as it does. */
import type { Agent } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { memories, questions } from "./scripts.ts";

/** By words alone, and by nothing else. */
const weights = { meaning: 0, reward: 0, importance: 0, recency: 0 };

describe("a question in any script", () => {
  let local: TestLocal;
  let agent: Agent;
  const keys = new Map<string, string>();
  beforeAll(async () => {
    local = await startTestLocal();
    const { mayfly } = await local.enter();
    agent = await spawnIn(mayfly);
    for (const [key, memory] of Object.entries(memories))
      keys.set(dataOf(await agent.remember({ task: "", ...memory })).id, key);
    dataOf(await agent.sync());
  });
  afterAll(async () => {
    await agent?.stop();
    await local?.close();
  });

  it.each(questions)("%s finds %s, on the server and here", async (question, first) => {
    const server = dataOf(await agent.recall(question, { weights }));
    const here = dataOf(await agent.memory.recallLocal(question, { weights }));
    expect(server.mode).not.toBe("local");
    expect(here.mode).toBe("local");
    const [best, own] = [server.results[0], here.results[0]];
    expect(keys.get(best?.id ?? "")).toBe(first);
    expect(here.results.map(({ id }) => keys.get(id))).toEqual(
      server.results.map(({ id }) => keys.get(id)),
    );
    expect(own?.parts.fit).toBeCloseTo(best?.parts.fit ?? 0, 4);
    expect(own?.score).toBeCloseTo(best?.score ?? 0, 4);
  });

  it("is one of 60 and more, in 15 languages and more", () => {
    expect(questions.length).toBeGreaterThanOrEqual(60);
    const languages = Object.keys(memories).slice(2, 18);
    const asked = new Set(questions.map(([, key]) => key));
    expect(languages.filter((key) => !asked.has(key))).toEqual([]);
    expect(languages.length).toBeGreaterThanOrEqual(15);
  });
});
