import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
  const { data, error } = await mayfly.spawn({ name: "analyst" });
  if (error) throw error;
  agent = data;
});
afterAll(async () => {
  await mayfly.close();
  await local.close();
});

describe("agent.recall", () => {
  it("takes weights, half-lives and filters, and finds what is like a memory", async () => {
    const first = await agent.remember({ task: "Rotate the signing key", kind: "fact" });
    await agent.remember({ task: "Rotating signing keys" });
    await agent.remember({ task: "Bake bread" });
    await agent.sync();

    const typo = await agent.recall("sining", { weights: { meaning: 0 } });
    expect(typo.data).toMatchObject({ mode: "words_only", problem: "meaning weighs nothing" });
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
  });
});
