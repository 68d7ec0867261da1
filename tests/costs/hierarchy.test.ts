/** The budget of a run covers everything that the run starts: the jobs and the runs below it. */
import { defineAgent, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, complete } from "../jobs/working.ts";
import { makeRunning, type RunRow, runToEnd, scriptedModel } from "../runs/running.ts";
import {
  budgets,
  makeSpending,
  release,
  reserveOne,
  runJob,
  setBudget,
  settle,
} from "./spending.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

it("the budget of a run includes what the jobs below it spend, even if those between have ended", async () => {
  const { agent, owner } = await makeSpending(db.sql);
  const { claims } = agent;
  const root = await runJob(db.sql, claims);
  const below = async (lease: string) => {
    const [job] = await add(db.sql, claims, [{ name: "below" }], { lease });
    return { job: job?.id ?? "", ...(await claimOne(db.sql, claims)) };
  };
  const child = await below(root.lease);
  const leaf = await below(child.lease);
  await setBudget(db.sql, owner, { level: "run", subject: root.job, hard_usd: 0.6 });
  await setBudget(db.sql, owner, { level: "run", subject: leaf.job, hard_usd: 5 });
  const first = await reserveOne(db.sql, claims, { lease: leaf.lease });
  await settle(db.sql, claims, { hold: first.id, usage: { input: 100, output: 100 } });
  expect((await reserveOne(db.sql, claims, { lease: child.lease })).granted).toBe(true);
  for (const { lease } of [root, leaf])
    expect(await reserveOne(db.sql, claims, { lease })).toMatchObject({
      ...{ code: "budget_exceeded", level: "run", subject: root.job },
    });
  // When the child ends, its reservation is given back. The job below the child still counts in the root's
  // budget.
  await complete(db.sql, claims, [{ lease: child.lease }]);
  const last = await reserveOne(db.sql, claims, { lease: leaf.lease });
  expect(last.granted).toBe(true);
  expect((await reserveOne(db.sql, claims, { lease: leaf.lease })).code).toBe("budget_exceeded");
  await release(db.sql, claims, { hold: last.id });
  const of = async (subject: string) =>
    (await budgets(db.sql, owner)).find((budget) => budget.subject === subject);
  expect(await of(root.job)).toMatchObject({ spent_usd: 0.3, held_usd: 0 });
  expect(await of(leaf.job)).toMatchObject({ spent_usd: 0.3, held_usd: 0 });
  // The budget does not apply to another tree of jobs in the tenant.
  const other = await runJob(db.sql, claims);
  for (let n = 0; n < 3; n++)
    expect((await reserveOne(db.sql, claims, { lease: other.lease })).granted).toBe(true);
});

it("agents that a run asks, and those that they ask, never spend more than the run may", async () => {
  const running = await makeRunning(db.sql);
  const look = tool({ input: z.object({}), risk: "read", run: () => "Nothing." });
  const small = { maxOutputTokens: 300, tools: { look } };
  const endless = () => scriptedModel(() => ({ calls: [{ tool: "look", input: {} }] }));
  const digger = defineAgent({ name: "digger", model: endless(), ...small, maxSteps: 1_000 });
  const asks = (name: string) =>
    scriptedModel((step) =>
      step === 1 ? { calls: [{ tool: `ask_${name}`, input: { task: "Look." } }] } : "It is over.",
    );
  const chief = defineAgent({
    name: "chief",
    model: asks("digger"),
    delegates: [digger],
    ...small,
  });
  const cap = 5_000;
  const root = defineAgent({
    ...{ name: "root", model: asks("chief"), delegates: [chief], ...small },
    budget: { tokens: cap },
  });
  const run = await runToEnd(db.sql, running, root, "Look.");
  const all = await rpc<RunRow[]>(db.sql, running.owner, "list_runs", {});
  const spent = (all as unknown as { input_tokens: number; output_tokens: number }[]).reduce(
    (sum, { input_tokens, output_tokens }) => sum + input_tokens + output_tokens,
    0,
  );
  expect(all).toHaveLength(3);
  expect(spent).toBeLessThanOrEqual(cap);
  // The agents used more than half of the budget, so they were not stopped right at the start.
  expect(spent).toBeGreaterThan(cap / 2);
  const statusOf = (name: string) => all.find(({ agent }) => agent === name)?.status;
  expect(statusOf("digger")).toBe("max_tokens");
  expect(run.tools).toMatchObject([{ tool: "ask_chief" }]);
  const below = all.find(({ agent }) => agent === "digger");
  expect(below?.error?.message).toContain("a run above it");
  const budget = (await budgets(db.sql, running.owner)).find(({ subject }) => subject === run.id);
  expect(budget).toMatchObject({ spent_tokens: spent, held_tokens: 0 });
});
