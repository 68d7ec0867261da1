/** How the tools of a run are called: in which order, for how long, how often, and with whose permission. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeRunning, runOf, runToEnd, scriptedModel, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const none = z.object({});
/** A model that calls these tools once, and then repeats what it heard about them. */
const calling = (...calls: { tool: string; input: unknown }[]) =>
  scriptedModel((step, prompt) => (step === 1 ? { calls } : JSON.stringify(prompt.at(-1))));

it("tools that only read run at the same time, and the others one after another in the order of their calls", async () => {
  const said: string[] = [];
  let begun = 0;
  let bothBegan = () => {};
  const both = new Promise<void>((resolve) => {
    bothBegan = resolve;
  });
  const reads = (name: string) =>
    tool({
      input: none,
      risk: "read",
      run: async () => {
        if (++begun === 2) bothBegan();
        await both;
        said.push(name);
      },
    });
  const writes = (name: string, ms: number) =>
    tool({
      input: none,
      run: async () => {
        said.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, ms));
        said.push(`${name} ends`);
      },
    });
  const names = ["first", "left", "second", "right"];
  const agent = defineAgent({
    name: "orderly",
    model: calling(...names.map((name) => ({ tool: name, input: {} }))),
    tools: {
      first: writes("first", 30),
      left: reads("left"),
      second: writes("second", 1),
      right: reads("right"),
    },
  });
  const run = await runToEnd(db.sql, await makeRunning(db.sql), agent, "Go.");
  expect(said).toEqual([
    "left",
    "right",
    "first begins",
    "first ends",
    "second begins",
    "second ends",
  ]);
  // The model gets the results in the order of its calls.
  expect(run.output?.match(/first|left|second|right/g)).toEqual(names);
});

it("a tool that takes too long or fails is repeated as often as its definition says, with the same key, and then fails", async () => {
  const tried: string[] = [];
  const stopped: unknown[] = [];
  const agent = defineAgent({
    name: "patient",
    model: calling(
      { tool: "hangs", input: {} },
      { tool: "shaky", input: {} },
      { tool: "once", input: {} },
    ),
    tools: {
      hangs: tool({
        ...{ input: none, timeout: 0.05, retries: 1 },
        run: (_input, { signal, idempotencyKey }) => {
          tried.push(idempotencyKey);
          return new Promise(() => {
            signal.addEventListener("abort", () => stopped.push(signal.reason.code));
          });
        },
      }),
      shaky: tool({
        ...{ input: none, retries: 2 },
        run: (_input, { idempotencyKey }) => {
          tried.push(idempotencyKey);
          if (tried.filter((key) => key === idempotencyKey).length < 3) throw new Error("Not yet.");
          return "At last.";
        },
      }),
      once: tool({
        input: none,
        run: (_input, { idempotencyKey }): string => {
          tried.push(idempotencyKey);
          throw new Error("Never.");
        },
      }),
    },
  });
  const run = await runToEnd(db.sql, await makeRunning(db.sql), agent, "Go.");
  const key = (nth: number) => `${run.id}/1/call-1-${nth}`;
  expect(tried).toEqual([key(1), key(1), key(2), key(2), key(2), key(3)]);
  expect(stopped).toEqual(["tool_timeout", "tool_timeout"]);
  expect(run.tools).toMatchObject([
    { status: "failed", error: { code: "tool_timeout" } },
    { status: "succeeded", result: '"At last."' },
    { status: "failed", error: { code: "tool_failed", message: "Never." } },
  ]);
  expect(run.output).toContain("longer than 0.05 s");
});

it("only the masked part of a result is recorded, streamed, and seen by the model", async () => {
  const running = await makeRunning(db.sql);
  const agent = defineAgent({
    name: "discreet",
    model: calling({ tool: "customer", input: {} }, { tool: "everything", input: {} }),
    tools: {
      customer: tool({
        input: none,
        risk: "read",
        run: () => ({ name: "Ada", iban: "DE02120300000000202051" }),
        mask: ({ name }) => ({ name }),
      }),
      everything: tool({ input: none, risk: "read", run: () => "x".repeat(1_000_001) }),
    },
  });
  const run = await runToEnd(db.sql, running, agent, "Who?");
  expect(run.tools).toMatchObject([
    { result: '{"name":"Ada"}' },
    { status: "failed", error: { code: "invalid_request" } },
  ]);
  expect(run.output).toContain("Ada");
  const rows = await db.sql`
    select to_jsonb(r)::text || coalesce((select string_agg(c.chunks::text, '') from mayfly.run_chunks c where c.run_id = r.id), '') as kept
    from mayfly.runs r where r.id = ${run.id}`;
  expect(rows[0]?.kept).toContain("Ada");
  expect(rows[0]?.kept).not.toContain("DE02");
});

describe("a tool asks for an approval", () => {
  const paying = (approval: Parameters<typeof tool>[0]["approval"]) => {
    const paid: number[] = [];
    const agent = defineAgent({
      name: "payer",
      model: calling(
        { tool: "pay", input: { amount: 5 } },
        { tool: "pay", input: { amount: 500 } },
      ),
      tools: {
        pay: tool({
          input: z.object({ amount: z.number() }),
          risk: "money",
          approval: approval as never,
          run: ({ amount }) => {
            paid.push(amount);
          },
        }),
      },
    });
    return { agent, paid };
  };
  const waiting = async (claims: Record<string, unknown>) =>
    (
      await rpc<{ input: { amount: number } }[]>(db.sql, claims, "list_approvals", {
        of_status: ["pending"],
      })
    ).map(({ input }) => input.amount);
  const runUntilAsked = async (approval: Parameters<typeof paying>[0], policy: object = {}) => {
    const { worker, owner, door } = await makeRunning(db.sql);
    await rpc(db.sql, owner, "set_approval_policy", { category: "money", ...policy });
    const { agent, paid } = paying(approval);
    const id = await start(db.sql, worker.claims, agent, "Pay.");
    await work(db.sql, worker.claims, door, runAgents(agent));
    const { status } = await runOf(db.sql, owner, id);
    return { paid, status, asked: (await waiting(owner)).sort((a, b) => a - b) };
  };

  it("if its own function of the input says so", async () => {
    const above = (input: unknown) =>
      (input as { amount: number }).amount > 100 ? "always" : "never";
    expect(await runUntilAsked(above)).toEqual({ paid: [5], status: "waiting", asked: [500] });
  });

  it("if the policies of the tenant say so, and not if they waive it", async () => {
    const asks = await runUntilAsked("policy", { autonomy: "ask" });
    expect(asks).toEqual({ paid: [], status: "waiting", asked: [5, 500] });
    const waived = await runUntilAsked("policy", { autonomy: "none" });
    expect(waived).toEqual({ paid: [5, 500], status: "succeeded", asked: [] });
  });

  it("always, even if the policies waive it", async () => {
    const asks = await runUntilAsked("always", { autonomy: "none" });
    expect(asks).toEqual({ paid: [], status: "waiting", asked: [5, 500] });
  });
});
