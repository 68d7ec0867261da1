/** A run whose worker is killed at every possible point continues, and pays for nothing that was recorded. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { sqlDoor } from "#harness/jobs-door";
import { makeRunning, runOf, scriptedModel, start, work, workUntilKilled } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const steps = 10;

/** Ten steps: nine that add a number with a tool, and the answer. */
function tenSteps() {
  let id = "";
  const paid: { step: number; wasRecorded: boolean }[] = [];
  const effects = new Map<string, number>();
  const unaudited: string[] = [];
  const agent = defineAgent({
    name: "counter",
    model: scriptedModel(async (step, prompt) => {
      const [row] = await db.sql`
        select count(*)::int as count from mayfly.run_model_calls
        where run_id = ${id} and step = ${step} and parts is not null`;
      paid.push({ step, wasRecorded: row?.count !== 0 });
      if (step < steps)
        return { text: `Step ${step}. `, calls: [{ tool: "add", input: { n: step } }] };
      const sums = JSON.stringify(prompt).match(/"sum":\d+/g) ?? [];
      return `The sums: ${sums.join(" ")}`;
    }),
    tools: {
      add: tool({
        input: z.object({ n: z.number() }),
        run: async ({ n }, { idempotencyKey }) => {
          const [row] = await db.sql`
            select count(*)::int as count from mayfly.run_tool_calls where run_id = ${id} and status = 'started'`;
          if (row?.count !== 1) unaudited.push(idempotencyKey);
          effects.set(idempotencyKey, n);
          return { sum: [...effects.values()].reduce((sum, one) => sum + one, 0) };
        },
      }),
    },
  });
  return {
    agent,
    paid,
    effects,
    unaudited,
    begin: (given: string) => {
      id = given;
    },
  };
}

const expected = `"The sums: ${[1, 3, 6, 10, 15, 21, 28, 36, 45].map((sum) => `\\"sum\\":${sum}`).join(" ")}"`;

const calls = [
  "begin_run",
  "reserve_costs",
  "record_model_call",
  "end_tool_calls",
  "append_run_chunks",
  "end_run",
];

it.each(["before", "after"] as const)(
  "a run ends with the same output if its worker dies %s any call of the database",
  async (when) => {
    const { worker, door } = await makeRunning(db.sql);
    for (const name of calls)
      for (let nth = 1; ; nth++) {
        const { agent, paid, effects, unaudited, begin } = tenSteps();
        const id = await start(db.sql, worker.claims, agent, "Add.");
        begin(id);
        const handlers = runAgents(agent);
        const wasKilled = await workUntilKilled(db, worker.claims, handlers, name, when, nth);
        const where = `killed ${when} call ${nth} of ${name}`;
        if (wasKilled) await work(db.sql, worker.claims, door, handlers);
        else if (name !== "append_run_chunks")
          // append_run_chunks is called only if the machine is slow. Otherwise chunks are sent along with other calls.
          expect(nth, `${name} is called`).toBeGreaterThan(1);
        const run = await runOf(db.sql, worker.claims, id);
        expect(run, where).toMatchObject({ status: "succeeded", steps, output: expected });
        // Only an answer that was given but not recorded is paid for again.
        expect(
          paid.filter(({ wasRecorded }) => wasRecorded),
          where,
        ).toEqual([]);
        const mayRepeat =
          name === "append_run_chunks" || (name === "record_model_call" && when === "before");
        expect(paid.length, where).toBeLessThanOrEqual(steps + (wasKilled && mayRepeat ? 1 : 0));
        expect(unaudited, where).toEqual([]);
        expect(effects.size, where).toBe(steps - 1);
        if (!wasKilled) break;
      }
  },
  600_000,
);

it("a tool that runs again after the death of its worker gets attempt 2 and the same key", async () => {
  const { worker } = await makeRunning(db.sql);
  const tried: { attempt: number; idempotencyKey: string }[] = [];
  const agent = defineAgent({
    name: "twice",
    model: scriptedModel((step) =>
      step === 1 ? { calls: [{ tool: "pay", input: {} }] } : "Paid.",
    ),
    tools: {
      pay: tool({
        input: z.object({}),
        run: (_input, { attempt, idempotencyKey }) => {
          tried.push({ attempt, idempotencyKey });
          return "ok";
        },
      }),
    },
  });
  const handlers = runAgents(agent);
  const id = await start(db.sql, worker.claims, agent, "Pay.");
  await workUntilKilled(db, worker.claims, handlers, "end_tool_calls", "before");
  await work(db.sql, worker.claims, sqlDoor(db.sql, worker.claims), handlers);
  expect(tried).toEqual([
    { attempt: 1, idempotencyKey: `${id}/1/call-1-1` },
    { attempt: 2, idempotencyKey: `${id}/1/call-1-1` },
  ]);
  expect(await runOf(db.sql, worker.claims, id)).toMatchObject({
    status: "succeeded",
    tools: [{ status: "succeeded", attempts: 2 }],
  });
});
