/** How a run is started: with a definition, or by the name of an agent whose definition is elsewhere. */
import { defineAgent, type Mayfly, runAgents, type StartRunOptions } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { apiError, scriptedModel } from "./running.ts";

let local: TestLocal;
let mayfly: Mayfly;
const analyst = defineAgent({
  name: "analyst",
  model: scriptedModel(() => "It was lost."),
  maxSteps: 7,
  budget: { tokens: 1_000 },
});

beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
}, 60_000);
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});
const limitsOf = async (
  agent: string | typeof analyst,
  input: string,
  options: StartRunOptions = {},
) => {
  const { id } = dataOf(await mayfly.runs.start(agent, input, options));
  return dataOf(await mayfly.runs.get(id)).limits;
};

describe("a run", () => {
  it("has the limits of its definition, or those of its call", async () => {
    expect(await limitsOf(analyst, "Why?")).toEqual({ steps: 7, tokens: 1_000 });
    expect(await limitsOf(analyst, "Why?", { maxSteps: 2 })).toEqual({ steps: 2, tokens: 1_000 });
    expect(await limitsOf(analyst, "Why?", { budget: { usd: 1 } })).toEqual({ steps: 7, usd: 1 });
  });

  it("that names its agent has only the limits of its call", async () => {
    expect(await limitsOf("analyst", "Why?")).toEqual({});
    const budget = { seconds: 60 };
    expect(await limitsOf("analyst", "Why?", { maxSteps: 3, budget })).toEqual({
      steps: 3,
      seconds: 60,
    });
    expect(dataOf(await mayfly.runs.list({ agent: "analyst", limit: 1 }))).toMatchObject([
      { agent: "analyst", status: "queued", about: "Why?" },
    ]);
    const refused = await mayfly.runs.start("No name", "Why?");
    expect(refused.error).toMatchObject({ code: "invalid_request", details: { field: "agent" } });
  });
});

describe("an agent that declares its input", () => {
  it("is not started with another input, and the error names the field", async () => {
    const clerk = defineAgent({
      name: "clerk",
      model: scriptedModel(() => "It was lost."),
      input: z.object({ order: z.number() }),
    });
    const refused = await mayfly.runs.start(clerk, { order: "17" });
    expect(refused.error).toMatchObject({
      code: "invalid_request",
      details: { field: "input.order" },
    });
    const { id } = dataOf(await mayfly.runs.start(clerk, { order: 17 }));
    expect(dataOf(await mayfly.runs.get(id)).input).toEqual({ order: 17 });
  });
});

describe("a key", () => {
  let isBroken = true;
  const keyed = defineAgent({
    name: "keyed",
    model: scriptedModel(() => (isBroken ? apiError(400) : "It was lost.")),
  });
  const start = async (key: string) =>
    dataOf(await mayfly.runs.start(keyed, "Why did order 17 fail?", { key }));
  const statusOf = async (id: string) => dataOf(await mayfly.runs.get(id)).status;

  it("returns the same run whatever became of it, and a new one after it was discarded", async () => {
    const work = dataOf(await mayfly.jobs.work(runAgents(keyed), { pollMs: 100 }));
    const { id } = await start("order-17");
    const failed = await (await start("order-17")).result();
    expect(failed.error).toMatchObject({ code: "run_failed" });
    const again = await start("order-17");
    expect(again.id).toBe(id);
    expect((await again.result()).error).toMatchObject({ code: "run_failed" });
    expect((await start("order-17, again")).id).not.toBe(id);

    isBroken = false;
    expect(dataOf(await mayfly.jobs.redrive({ ids: [id] }))).toEqual({ redriven: 1 });
    await expect.poll(() => statusOf(id)).toBe("succeeded");
    const succeeded = await start("order-17");
    expect(succeeded.id).toBe(id);
    expect(dataOf(await succeeded.result()).output).toBe("It was lost.");

    isBroken = true;
    const other = await start("order-18");
    expect((await other.result()).error).toMatchObject({ code: "run_failed" });
    expect(dataOf(await mayfly.jobs.discard({ ids: [other.id] }))).toEqual({ discarded: 1 });
    isBroken = false;
    const anew = await start("order-18");
    expect(anew.id).not.toBe(other.id);
    expect(dataOf(await anew.result()).output).toBe("It was lost.");
    await work.stop();
  });
});
