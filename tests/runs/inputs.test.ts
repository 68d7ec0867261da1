/** Agents that declare what their runs begin with. */
import { defineAgent, runAgents } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  makeRunning,
  runOf,
  runToEnd,
  scriptedModel,
  start,
  work,
  workUntilKilled,
} from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const prompts: unknown[] = [];
const analyst = defineAgent({
  name: "analyst",
  model: scriptedModel((_, prompt) => {
    prompts.push(prompt.at(-1));
    return "It was lost.";
  }),
  input: z.object({ order: z.number().describe("Its number.") }),
});

describe("a run of an agent that declares its input", () => {
  it("begins with an input that matches", async () => {
    const run = await runToEnd(db.sql, await makeRunning(db.sql), analyst, { order: 17 });
    expect(run).toMatchObject({ status: "succeeded", output: '"It was lost."' });
    expect(prompts.at(-1)).toMatchObject({ content: [{ text: '{"order":17}' }] });
  });

  it("fails before the model is asked if its input does not match, and names the field", async () => {
    const asked = prompts.length;
    const run = await runToEnd(db.sql, await makeRunning(db.sql), analyst, { order: "17" });
    expect(run).toMatchObject({ status: "failed", steps: 0, error: { code: "invalid_request" } });
    expect(run.error?.message).toContain("input.order");
    expect(prompts).toHaveLength(asked);
  });

  it("continues if the schema was changed after the model had been asked", async () => {
    const { worker, door } = await makeRunning(db.sql);
    const { claims } = worker;
    const options = {
      name: "changing",
      model: scriptedModel((step) =>
        step === 1 ? { calls: [{ tool: "look", input: {} }] } : "Seen.",
      ),
      tools: { look: { input: z.object({}), run: () => "it" } },
    };
    const id = await start(db.sql, claims, defineAgent(options), "a text");
    const before = runAgents(defineAgent(options));
    expect(await workUntilKilled(db, claims, before, "end_tool_calls", "before")).toBe(true);
    const input = z.object({ order: z.number() });
    await work(db.sql, claims, door, runAgents(defineAgent({ ...options, input })));
    expect(await runOf(db.sql, claims, id)).toMatchObject({
      status: "succeeded",
      output: '"Seen."',
    });
  });
});

describe("an agent that others can ask", () => {
  it("is asked with what its schema says, and the model is told when that does not match", async () => {
    const running = await makeRunning(db.sql);
    const said: string[] = [];
    const boss = defineAgent({
      name: "boss",
      model: scriptedModel((step, prompt) => {
        said.push(JSON.stringify(prompt.at(-1)));
        if (step === 1) return { calls: [{ tool: "ask_analyst", input: { task: "order 17" } }] };
        if (step === 2) return { calls: [{ tool: "ask_analyst", input: { task: { order: 17 } } }] };
        return "Asked.";
      }),
      delegates: [analyst],
    });
    const run = await runToEnd(db.sql, running, boss, "Ask.");
    expect(run).toMatchObject({ status: "succeeded", output: '"Asked."' });
    expect(said[1]).toMatch(/expected object|Invalid input/);
    expect(said[2]).toContain("It was lost.");
    expect(prompts.at(-1)).toMatchObject({ content: [{ text: '{"order":17}' }] });
  });
});
