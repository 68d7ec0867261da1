/** Runs whose jobs are redriven, after they failed or reached a limit. */
import { type AgentOptions, defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Claims, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { apiError, makeRunning, runOf, scriptedModel, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const redrive = (owner: Claims, ids?: string[]) =>
  rpc<{ redriven: number }>(db.sql, owner, "redrive_jobs", ids ? { ids } : {});

/**
 * An agent that calls a tool in each of its first three steps, and then answers. `steps` has the step of
 * each of its model calls.
 */
function makeSteady(options: Partial<AgentOptions<unknown>> = {}, breaksAt?: number) {
  const steps: number[] = [];
  const state = { isBroken: breaksAt !== undefined };
  const step = tool({ description: "A step.", input: z.object({}), risk: "read", run: () => 1 });
  const agent = defineAgent({
    name: "steady",
    model: scriptedModel((n) => {
      steps.push(n);
      if (state.isBroken && n === breaksAt) return apiError(400);
      return n < 4 ? { calls: [{ tool: "step", input: {} }] } : "Done.";
    }),
    tools: { step },
    ...(options as object),
  });
  return { agent, steps, state };
}

describe("a run that is redriven", () => {
  it("is queued again at once, and continues after its last recorded step", async () => {
    const { worker, owner, door } = await makeRunning(db.sql);
    const { agent, steps, state } = makeSteady({}, 3);
    const id = await start(db.sql, worker.claims, agent, "?");
    await work(db.sql, worker.claims, door, runAgents(agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "failed", steps: 2 });

    expect(await redrive(owner, [id])).toEqual({ redriven: 1 });
    const queued = await runOf(db.sql, owner, id);
    expect(queued).toMatchObject({ status: "queued", steps: 2 });
    expect(queued.error).toBeUndefined();
    expect(queued.ended_at).toBeUndefined();

    state.isBroken = false;
    await work(db.sql, worker.claims, door, runAgents(agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({
      status: "succeeded",
      output: '"Done."',
    });
    expect(steps).toEqual([1, 2, 3, 3, 4]);
  });

  it("continues if the budget that ended it was raised", async () => {
    const { worker, owner, door } = await makeRunning(db.sql);
    const { agent, steps } = makeSteady({ maxOutputTokens: 100, budget: { tokens: 400 } });
    const id = await start(db.sql, worker.claims, agent, "?");
    await work(db.sql, worker.claims, door, runAgents(agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "max_tokens" });
    const paid = steps.length;

    await rpc(db.sql, owner, "set_budget", { level: "run", subject: id, hard_tokens: 100_000 });
    expect(await redrive(owner, [id])).toEqual({ redriven: 1 });
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "queued" });
    await work(db.sql, worker.claims, door, runAgents(agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "succeeded", steps: 4 });
    expect(paid).toBeGreaterThan(0);
    expect(steps).toEqual([1, 2, 3, 4]);
  });

  it("continues if the agent's limit of steps that ended it was raised", async () => {
    const { worker, owner, door } = await makeRunning(db.sql);
    const { id } = await rpc<{ id: string }>(db.sql, worker.claims, "start_run", {
      agent: "steady",
      input: '"?"',
    });
    const [short, long] = [makeSteady({ maxSteps: 2 }), makeSteady({ maxSteps: 9 })];
    await work(db.sql, worker.claims, door, runAgents(short.agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "max_steps" });
    expect(await redrive(owner, [id])).toEqual({ redriven: 1 });
    await work(db.sql, worker.claims, door, runAgents(long.agent));
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "succeeded", steps: 4 });
    expect(long.steps).toEqual([3, 4]);
  });

  it("is refused if a limit of its own ended it, and is left out when all are redriven", async () => {
    const { worker, owner, door } = await makeRunning(db.sql);
    const { agent } = makeSteady({ maxSteps: 2 });
    const { agent: broken } = makeSteady({}, 1);
    const id = await start(db.sql, worker.claims, agent, "?");
    await work(db.sql, worker.claims, door, runAgents(agent));
    const failed = await start(db.sql, worker.claims, broken, "?");
    await work(db.sql, worker.claims, door, runAgents(broken));

    expect(await refusalOf(redrive(owner, [failed, id]))).toMatchObject({
      code: "job_final",
      details: { field: "ids", ids: [id] },
    });
    expect(await runOf(db.sql, owner, failed)).toMatchObject({ status: "failed" });
    expect(await redrive(owner)).toEqual({ redriven: 1 });
    expect(await runOf(db.sql, owner, failed)).toMatchObject({ status: "queued" });
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "max_steps" });
  });
});
