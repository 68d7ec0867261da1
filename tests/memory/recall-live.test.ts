/** Recall on a running server, in any script: the local search ranks as the server does. */
import type { Agent } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { memories, questions } from "./scripts.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

describe("agent.recall", () => {
  it("accepts weights, half-lives and filters, and finds memories like a given one", async () => {
    const { mayfly } = await local.enter();
    const agent = await spawnIn(mayfly, { name: "analyst" });
    const first = await agent.remember({ task: "Rotate the signing key", kind: "fact" });
    await agent.remember({ task: "Rotating signing keys" });
    await agent.remember({ task: "Bake bread" });
    await agent.sync();

    const typo = await agent.recall("sining", { weights: { meaning: 0 } });
    expect(typo.data).toMatchObject({ mode: "words_only", problem: "the weight of meaning is 0" });
    expect(typo.data?.results[0]?.parts.typos).toBeGreaterThan(0.4);

    const narrowed = await agent.recall("rotate", {
      task: "Rotate the signing key",
      until: new Date(Date.now() + 60_000),
      halfLives: { fact: 1 },
    });
    expect(narrowed.data?.results.map((hit) => hit.id)).toEqual([first.data?.id]);

    const alike = await agent.memory.similar(first.data?.id ?? "", { limit: 1 });
    expect(alike.data).toMatchObject({
      mode: "hybrid",
      model: "mayfly-dev-hash-384",
      results: [{ task: "Rotating signing keys" }],
    });
    const unknown = await agent.memory.similar(crypto.randomUUID());
    expect(unknown.error?.code).toBe("memory_unknown");
    const refused = await agent.recall("x", { weights: { reward: 2 } });
    expect(refused.error?.code).toBe("invalid_request");
    await mayfly.close();
  });
});

/** Weights that rank only by words. */
const weights = { meaning: 0, reward: 0, importance: 0, recency: 0 };

describe("a question in any script", () => {
  let agent: Agent;
  const keys = new Map<string, string>();
  beforeAll(async () => {
    const { mayfly } = await local.enter();
    agent = await spawnIn(mayfly);
    for (const [key, memory] of Object.entries(memories))
      keys.set(dataOf(await agent.remember({ task: "", ...memory })).id, key);
    dataOf(await agent.sync());
  });
  afterAll(() => agent?.stop());

  it.each(questions)("%s finds %s, on the server and locally", async (question, first) => {
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

  it("is one of at least 60, in at least 15 languages", () => {
    expect(questions.length).toBeGreaterThanOrEqual(60);
    const languages = Object.keys(memories).slice(2, 18);
    const asked = new Set(questions.map(([, key]) => key));
    expect(languages.filter((key) => !asked.has(key))).toEqual([]);
    expect(languages.length).toBeGreaterThanOrEqual(15);
  });
});
