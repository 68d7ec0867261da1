/** How a run is started: with a definition, or by the name of an agent whose definition is elsewhere. */
import { defineAgent, type Mayfly, type StartRunOptions } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { scriptedModel } from "./running.ts";

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
