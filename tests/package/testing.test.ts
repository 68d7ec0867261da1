/** The test kit, as a person's own tests use it. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type MayflyTest, scriptedModel, startMayfly } from "../../testing/src/index.ts";

let stack: MayflyTest;
beforeAll(async () => {
  stack = await startMayfly();
});
afterAll(() => stack.close());

test("tenants are independent of each other", async () => {
  const [one, other] = await Promise.all([stack.tenant(), stack.tenant()]);
  const reader = await stack.agent({ name: "reader" }, one);
  await reader.remember({ task: "Greet", output: "Say hello first." });
  await reader.sync();
  expect((await one.memory.recall("greet")).data?.results[0]?.output).toBe("Say hello first.");
  expect((await other.memory.recall("greet")).data?.results).toEqual([]);
});

test("moving the clock past a lifetime ends the agent without waiting", async () => {
  const mayfly = await stack.tenant();
  const agent = await stack.agent({ name: "short", lifetime: 60 }, mayfly);
  await stack.clock.advance("2 minutes");
  const { data } = await mayfly.agents.get(agent.id);
  expect(data?.status).toBe("expired");
});

test("a refusal is thrown", async () => {
  const mayfly = await stack.tenant();
  await stack.agent({ name: "one" }, mayfly);
  await expect(stack.agent({ name: "one" }, mayfly)).rejects.toMatchObject({ code: "name_taken" });
});

test("a scripted model calls a tool, and answers", async () => {
  const mayfly = await stack.tenant();
  const analyst = defineAgent({
    name: "analyst",
    model: scriptedModel({ tool: "order", input: { id: 17 } }, "It was lost on the way."),
    tools: {
      order: tool({
        description: "Looks an order up.",
        input: z.object({ id: z.number() }),
        risk: "read",
        run: ({ id }) => ({ id, status: "lost" }),
      }),
    },
  });
  const agent = await stack.agent({ name: "runner" }, mayfly);
  const { data: work } = await agent.work(runAgents(analyst));
  const { data: run } = await mayfly.runs.start(analyst, "Why did order 17 fail?");
  const { data: result } = (await run?.result()) ?? {};
  expect(result).toMatchObject({ output: "It was lost on the way.", steps: 2 });
  const { data: known } = await mayfly.runs.get(run?.id ?? "");
  expect(known?.tools[0]).toMatchObject({ tool: "order", result: { id: 17, status: "lost" } });
  await work?.stop();
});
