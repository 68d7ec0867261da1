/**
 * A worker writes several things in one call of the database. What holds for each of them alone still holds.
 */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Claims, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { sqlDoor } from "#harness/jobs-door";
import { claimOne } from "../jobs/working.ts";
import { makeRunning, runOf, scriptedModel, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const turns = 4;
const agent = defineAgent({
  name: "looker",
  model: scriptedModel((step) =>
    step < turns ? { text: "Hm.", calls: [{ tool: "look", input: { step } }] } : "Done.",
  ),
  tools: {
    look: tool({ input: z.object({ step: z.number() }), risk: "read", run: ({ step }) => step }),
  },
});

const usage = { input: 10, output: 5 };
const call = (step: number) => ({
  step,
  try: 1,
  agent: "looker",
  provider: "test",
  model: "scripted",
  digest: "0".repeat(64),
  parts: "[]",
  messages: "[]",
  finish: "tool-calls",
  usage,
  ms: 1,
});
const asked = [{ call_id: "one", tool: "look", input: "{}" }];

/** A run that a worker holds, before its first call of a model. */
async function hold() {
  const { tenant, worker, owner } = await makeRunning(db.sql);
  const id = await start(db.sql, worker.claims, agent, "Look.");
  const { lease } = await claimOne(db.sql, worker.claims);
  await rpc(db.sql, worker.claims, "begin_run", { lease });
  const record = (more: object = {}) =>
    rpc<{ known?: boolean; tools?: { status: string; attempts: number }[]; last_chunk: number }>(
      db.sql,
      worker.claims,
      "record_model_call",
      { lease, call: call(1) as never, tools: asked as never, ...more },
    );
  const end = (more: object) =>
    rpc<{ reserved?: { granted?: boolean; code?: string } }>(
      db.sql,
      worker.claims,
      "end_tool_calls",
      {
        lease,
        step: 1,
        ends: [{ call_id: "one", status: "succeeded", result: "1" }] as never,
        ...more,
      },
    );
  return { tenant, claims: worker.claims, owner, id, lease, record, end };
}

const limitBytes = (tenant: string, bytes: number) =>
  db.sql`update mayfly.tenants set max_bytes = ${bytes} where id = ${tenant}`;

it("a step with tools makes two calls: the answer with the tool audit, and the results with the next reservation", async () => {
  const { worker } = await makeRunning(db.sql);
  const calls: Record<string, number> = {};
  const door = sqlDoor(db.sql, worker.claims, {}, (name) => {
    calls[name] = (calls[name] ?? 0) + 1;
  });
  const id = await start(db.sql, worker.claims, agent, "Look.");
  await work(db.sql, worker.claims, door, runAgents(agent));
  expect(await runOf(db.sql, worker.claims, id)).toMatchObject({
    status: "succeeded",
    tools: [1, 2, 3].map((step) => ({ step, status: "succeeded", attempts: 1 })),
  });
  // A timer also writes chunks if the machine is slow.
  const { append_run_chunks: _timed, ...counted } = calls;
  expect(counted).toEqual({
    begin_run: 1,
    reserve_costs: 1,
    record_model_call: turns,
    end_tool_calls: turns - 1,
    end_run: 1,
  });
  expect(
    await db.sql`select count(*)::int as open from mayfly_private.cost_holds where run_id = ${id}`,
  ).toEqual([{ open: 0 }]);
});

describe("an answer", () => {
  it("is recorded, and its tools are not begun, while the run is paused", async () => {
    const { claims, owner, id, record } = await hold();
    await rpc(db.sql, owner, "pause_run", { id });
    const recorded = await record();
    expect(recorded.tools).toBeUndefined();
    expect(await runOf(db.sql, claims, id)).toMatchObject({ calls: [{ step: 1 }], tools: [] });
  });

  it("is recorded even if the audit of its tools is refused, because it is paid for", async () => {
    const { tenant, claims, id, record } = await hold();
    await limitBytes(tenant, 1);
    expect((await record()).tools).toBeUndefined();
    expect(await runOf(db.sql, claims, id)).toMatchObject({ calls: [{ step: 1 }], tools: [] });
    await limitBytes(tenant, 1_000_000_000);
  });

  it("is recorded once, with its chunks, when the call is repeated", async () => {
    const { claims, id, record } = await hold();
    const chunks = { after: 0, chunks: '[[1,1,{"type":"start-step"}]]', size: 1 };
    expect(await record({ chunks })).toMatchObject({ last_chunk: 1 });
    expect(await record({ chunks })).toMatchObject({ known: true, last_chunk: 1 });
    expect(await runOf(db.sql, claims, id)).toMatchObject({ steps: 1, calls: [{ step: 1 }] });
  });
});

describe("the results of tools", () => {
  const ask = { id: crypto.randomUUID(), agent: "looker", provider: "test", model: "scripted" };

  it("are recorded with the reservation of the next call", async () => {
    const { claims, id, record, end } = await hold();
    await record();
    const { reserved } = await end({ ask: { ...ask, input: 10 } });
    expect(reserved).toMatchObject({ granted: true });
    expect(await runOf(db.sql, claims, id)).toMatchObject({ tools: [{ status: "succeeded" }] });
  });

  it.each([
    [
      "an exceeded budget",
      { ...ask, id: crypto.randomUUID(), input: 1_000_000 },
      "budget_exceeded",
    ],
    ["an invalid id", { ...ask, id: "no id", input: 10 }, undefined],
  ])("are recorded even if the reservation is refused for %s", async (_why, refused, code) => {
    const { claims, owner, id, record, end } = await hold();
    await limitTokens(owner);
    await record();
    const { reserved } = await end({ ask: refused });
    expect(reserved?.granted).toBeUndefined();
    expect(reserved?.code).toBe(code);
    expect(await runOf(db.sql, claims, id)).toMatchObject({ tools: [{ status: "succeeded" }] });
  });
});

const limitTokens = (owner: Claims) =>
  rpc(db.sql, owner, "set_budget", { level: "tenant", hard_tokens: 100_000 });
