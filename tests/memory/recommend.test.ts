/** What worked before, by reward, through the SDK and the command line. */
import type { Agent, Mayfly, NewMemory } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { name: "analyst", lifetime: 300 });
  const task = "Rotate the signing key";
  const wait = "Import the new key, wait until every cache has it, then rotate.";
  const memories: NewMemory[] = [
    { task, output: wait, reward: 0.9, critique: "Slow but safe." },
    { task: "Rotate the key that signs tokens", output: wait, reward: 0.8 },
    { task: "Rotate signing keys in staging", output: wait, reward: 0.85 },
    { task, output: "Restart everything at once with the replaced file.", reward: 1 },
    { task, output: "Delete the old one first and hope for the best.", reward: 0.1 },
    { task: "Rotating of the signing key, planned", output: "Ask somebody who knows." },
    { task: "Bake bread", output: "Flour, yeast and salt.", reward: 1 },
    { task: "Water the plants", output: "Twice a week." },
  ];
  for (const memory of memories) dataOf(await agent.remember(memory));
  dataOf(await agent.sync());
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});

describe("recommendations", () => {
  it("rank what worked often before one lucky try, and list failures separately", async () => {
    const found = dataOf(await mayfly.memory.recommend("rotate the signing key"));
    expect(found).toMatchObject({ known: true, reason: null, rated: 5 });
    expect(found.similar).toBe(6);
    expect(
      found.recommendations.map(({ tries, memory }) => [tries, memory.output.split(" ")[0]]),
    ).toEqual([
      [3, "Import"],
      [1, "Restart"],
    ]);
    const [best, lucky] = found.recommendations;
    expect(best?.averageReward).toBeCloseTo(0.85);
    expect(best?.expected).toBeLessThan(0.85);
    expect(best?.score).toBeGreaterThan(lucky?.score ?? 1);
    expect(best?.others).toHaveLength(2);
    expect(best?.reasons).toEqual([
      "It worked in 3 of 3 tries, with an average reward of 0.85.",
      "The task was the same.",
      expect.stringMatching(/^It was last tried on \d{4}-\d\d-\d\d by analyst\.$/),
      "The critique was: Slow but safe.",
    ]);
    expect(found.avoid).toMatchObject([{ tries: 1, averageReward: expect.closeTo(0.1) }]);
  });

  it("say that nothing is known, that nothing is rated, or that nothing worked", async () => {
    const unknown = dataOf(await mayfly.memory.recommend("translate a poem into Finnish"));
    expect(unknown).toMatchObject({
      known: false,
      recommendations: [],
      avoid: [],
      averageReward: null,
    });
    expect(unknown.reason).toBe("No memory resembles this task.");
    const unrated = dataOf(await mayfly.memory.recommend("water the plants"));
    expect(unrated.reason).toMatch(/^One memory resembles this task, but none has a reward/);
    const failed = dataOf(await mayfly.memory.recommend("bake bread", { minReward: 1, tags: [] }));
    expect(failed.known).toBe(true);
    const strict = dataOf(
      await mayfly.memory.recommend("Rotate the signing key", { minReward: 1, limit: 1 }),
    );
    expect(strict.recommendations).toMatchObject([{ averageReward: 1 }]);
  });

  it("include an agent's own unsynced memories, and refuse an invalid field", async () => {
    const other = await spawnIn(mayfly, { lifetime: 300 });
    const task = "Measure the tide";
    dataOf(await other.remember({ task, output: "With a pole.", reward: 0.2 }));
    expect(dataOf(await other.memory.recommend(task)).reason).toMatch(/^Nothing that was tried/);
    expect(dataOf(await mayfly.memory.recommend(task)).reason).toMatch(/^No memory resembles/);
    const { error } = await mayfly.memory.recommend(task, { minReward: 2 });
    expect(error).toMatchObject({ code: "invalid_request", details: { field: "minReward" } });
    expect((await mayfly.memory.recommend(task, { limit: 0 })).error?.details).toEqual({
      field: "limit",
    });
  });

  it("are printed by mayfly recommend, with the reasons", async () => {
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant };
    const said = await runCli(["recommend", "rotate the signing key"], { env });
    expect(said.out).toMatch(/^0\.\d\d {2}Import the new key/);
    expect(said.out).toContain("It worked in 3 of 3 tries");
    expect(said.out).toContain("What did not work:");
    const none = await runCli(["recommend", "translate a poem into Finnish"], { env });
    expect(none.out).toBe("No memory resembles this task.\n");
  });
});
