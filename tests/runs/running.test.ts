/** The behaviour of a run, with a scripted model. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { importPrices } from "../costs/spending.ts";
import { apiError, makeRunning, runOf, runToEnd, scriptedModel, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const search = tool({
  description: "Finds a word.",
  input: z.object({ q: z.string() }),
  risk: "read",
  run: ({ q }) => ({ found: q.toUpperCase() }),
});

describe("a run", () => {
  it("returns the answer of its model, and records its steps, tools, tokens and events", async () => {
    const running = await makeRunning(db.sql);
    const prompts: unknown[][] = [];
    // Otherwise the AI SDK would print a warning with its prompts.
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const model = scriptedModel((step, prompt) => {
      prompts.push(prompt);
      return step === 1
        ? {
            text: "Looking. ",
            calls: [
              { tool: "search", input: { q: "order" } },
              { tool: "search", input: { q: "17" } },
            ],
          }
        : "It was lost.";
    });
    const instructions = "Answer shortly.";
    const agent = defineAgent({ name: "analyst", instructions, model, tools: { search } });
    const run = await runToEnd(db.sql, running, agent, "Why did order 17 fail?");
    expect(run).toMatchObject({
      status: "succeeded",
      steps: 2,
      input_tokens: 200,
      output_tokens: 20,
      unpriced: 2,
      output: '"It was lost."',
    });
    expect(run.tools).toMatchObject([
      { tool: "search", risk: "read", status: "succeeded", result: '{"found":"ORDER"}' },
      { tool: "search", status: "succeeded", result: '{"found":"17"}' },
    ]);
    // The provider stores nothing. The conversation is in our rows.
    expect(model.doStreamCalls[0]?.providerOptions).toMatchObject({ openai: { store: false } });
    expect(prompts[1]).toMatchObject([
      { role: "system", content: "Answer shortly." },
      { role: "user", content: [{ text: "Why did order 17 fail?" }] },
      { role: "assistant" },
      { role: "tool", content: [{ output: { type: "json", value: { found: "ORDER" } } }, {}] },
    ]);
    const told = await db.sql`
      select type, agent_id from mayfly.events where subject = ${run.id} and type like 'run.%' order by id`;
    expect(told).toMatchObject([
      { type: "run.started", agent_id: running.worker.id },
      { type: "run.succeeded", agent_id: running.worker.id },
    ]);
    const chunks = await rpc<{ rows: { chunks: string }[]; ended: boolean }>(
      db.sql,
      running.owner,
      "read_run_chunks",
      { id: run.id },
    );
    const types = chunks.rows.flatMap((row) =>
      (JSON.parse(row.chunks) as [number, number, { type: string }][]).map(
        ([, , { type }]) => type,
      ),
    );
    expect(types).toContain("text-delta");
    expect(types).toContain("tool-output-available");
    expect(types.at(-1)).toBe("finish");
    expect(emitWarning).not.toHaveBeenCalled();
    emitWarning.mockRestore();
  });

  it.each([
    ["max_steps", { maxSteps: 2 }],
    ["max_tokens", { budget: { tokens: 1_500 } }],
    ["max_cost", { budget: { usd: 2 } }],
  ])("that reaches a limit ends as %s", async (status, limits) => {
    await importPrices(db.sql, [
      {
        provider: "test",
        model: "scripted",
        prices: [{ units: { input: [[0, 1_000]], output: [[0, 2_000]] } }],
      },
    ]);
    const running = await makeRunning(db.sql);
    const agent = defineAgent({
      name: "endless",
      model: scriptedModel((step) => ({ calls: [{ tool: "search", input: { q: String(step) } }] })),
      tools: { search },
      maxOutputTokens: 8_000,
      ...limits,
    });
    const run = await runToEnd(db.sql, running, agent, "Go on.");
    expect(run).toMatchObject({ status, error: { code: status } });
    expect(run.steps).toBeLessThan(20);
    await db.sql`delete from mayfly.model_prices where provider = 'test'`;
  });

  it("that exceeds its maximum time ends with max_time, even in the middle of a call", async () => {
    const running = await makeRunning(db.sql);
    const agent = defineAgent({
      name: "slow",
      model: scriptedModel(async () => {
        await new Promise((resolve) => setTimeout(resolve, 5_000).unref());
        return "Too late.";
      }),
      budget: { seconds: 1 },
    });
    expect(await runToEnd(db.sql, running, agent, "Hurry.")).toMatchObject({
      status: "max_time",
      output: null,
    });
  });

  it("with maxSteps 1 returns its answer", async () => {
    const running = await makeRunning(db.sql);
    const agent = defineAgent({ name: "short", model: scriptedModel(() => "Yes."), maxSteps: 1 });
    expect(await runToEnd(db.sql, running, agent, "Is it?")).toMatchObject({
      status: "succeeded",
      output: '"Yes."',
    });
  });

  it("calls the next model when a provider fails, and fails with its error if there is none", async () => {
    const running = await makeRunning(db.sql);
    const out = scriptedModel(() => apiError(503, { "retry-after": "0" }), "out");
    const saved = defineAgent({
      name: "saved",
      model: [out, scriptedModel(() => "Here.", "other")],
    });
    const run = await runToEnd(db.sql, running, saved, "Anybody?");
    expect(run).toMatchObject({ status: "succeeded", steps: 1, output: '"Here."' });
    expect(run.calls).toMatchObject([
      { step: 1, try: 1, model: "out", error: { code: "model_failed" } },
      { step: 1, try: 2, model: "other" },
    ]);
    const lost = defineAgent({
      name: "lost",
      model: scriptedModel(() => apiError(503, { "retry-after": "0" }), "lost"),
    });
    const failed = await runToEnd(db.sql, running, lost, "Anybody?");
    expect(failed).toMatchObject({ status: "failed", error: { code: "model_failed" } });
    expect(failed.calls).toHaveLength(3);
    // After five failures, the breaker refuses calls. The error still has to name the reason of the failures.
    expect(await runToEnd(db.sql, running, lost, "Anybody?")).toMatchObject({
      error: {
        code: "model_unavailable",
        message: expect.stringMatching(
          /^The model has failed too often\. .* again in \d+ s\. Before that: It answered 503\.$/,
        ),
      },
    });
    const refused = defineAgent({
      name: "refused",
      model: scriptedModel(() => apiError(400), "wrong"),
    });
    expect((await runToEnd(db.sql, running, refused, "?")).calls).toHaveLength(1);
  });

  it("sleeps without a worker for as long as the provider says, and then calls the model only once", async () => {
    const { worker, door } = await makeRunning(db.sql);
    const model = scriptedModel((step) => (step === 1 ? answers.shift() : undefined) ?? "Now.");
    const answers = [apiError(429, { "retry-after": "60" })];
    const agent = defineAgent({ name: "polite", model });
    const handlers = runAgents(agent);
    const id = await start(db.sql, worker.claims, agent, "Anybody?");
    await work(db.sql, worker.claims, door, handlers);
    expect(await runOf(db.sql, worker.claims, id)).toMatchObject({ status: "waiting" });
    await db.advance("50 seconds");
    await work(db.sql, worker.claims, door, handlers);
    // The AI SDK would have tried three times by itself.
    expect(model.doStreamCalls).toHaveLength(1);
    await db.advance("15 seconds");
    await work(db.sql, worker.claims, door, handlers);
    expect(await runOf(db.sql, worker.claims, id)).toMatchObject({
      status: "succeeded",
      output: '"Now."',
      calls: [{ try: 1, error: { code: "model_rate_limited" } }, { try: 2 }],
    });
    expect(model.doStreamCalls).toHaveLength(2);
  });

  it("asks again for an answer that does not match the schema, and gives up after its number of repairs", async () => {
    const running = await makeRunning(db.sql);
    const output = z.object({ order: z.number() });
    const agent = defineAgent({
      name: "fitting",
      model: scriptedModel((step) => (step === 1 ? "order 17" : '{"order": 17}')),
      output,
    });
    const run = await runToEnd(db.sql, running, agent, "Which?");
    expect(run).toMatchObject({
      status: "succeeded",
      repairs: 1,
      steps: 2,
      output: '{"order":17}',
    });
    const never = defineAgent({
      name: "never",
      model: scriptedModel(() => "no"),
      output,
      repairs: 1,
    });
    expect(await runToEnd(db.sql, running, never, "Which?")).toMatchObject({
      status: "failed",
      steps: 2,
      error: { code: "output_invalid" },
    });
  });

  it("tells its model about tools that fail, do not exist or get wrong inputs, and records them in the audit", async () => {
    const running = await makeRunning(db.sql);
    const heard: unknown[] = [];
    const agent = defineAgent({
      name: "clumsy",
      model: scriptedModel((step, prompt) => {
        heard.push(prompt.at(-1));
        if (step > 1) return "Sorry.";
        return {
          calls: [
            { tool: "breaks", input: {} },
            { tool: "missing", input: {} },
            { tool: "search", input: { q: 1 } },
          ],
        };
      }),
      tools: {
        search,
        breaks: tool({
          input: z.object({}),
          run: (): unknown => Promise.reject(new Error("The drawer is stuck.")),
        }),
      },
    });
    const run = await runToEnd(db.sql, running, agent, "Try.");
    expect(run.status).toBe("succeeded");
    expect(run.tools).toMatchObject([
      { tool: "breaks", status: "failed", error: { message: "The drawer is stuck." } },
    ]);
    const said = JSON.stringify(heard);
    expect(said).toContain("The drawer is stuck.");
    expect(said).toContain("unavailable tool 'missing'");
  });
});
