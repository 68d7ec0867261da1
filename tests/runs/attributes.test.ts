/** Attributes of runs: set when a run starts, changed by its tools, and found. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import {
  type Claims,
  inTenant,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { storedBy } from "#harness/usage";
import { makeWorker } from "../jobs/working.ts";
import { makeRunning, scriptedModel, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

type Row = { id: string; agent: string; status: string; attributes?: object };
const start = (claims: Claims, attributes: object | null, agent = "clerk") =>
  rpc<{ id: string }>(db.sql, claims, "start_run", {
    agent,
    input: '"Hello"',
    attributes,
  } as never);
const found = (claims: Claims, of_attributes: object, more: object = {}) =>
  rpc<Row[]>(db.sql, claims, "list_runs", { of_attributes, ...more } as never);

it("a run is found by its attributes as a run and as a job, and a caller needs only run:read", async () => {
  const { owner, tenant } = await makeRunning(db.sql);
  const reader = await makeWorker(db.sql, tenant, { scopes: ["run:read"] });
  const { owner: other } = await makeRunning(db.sql);
  await start(other, { customer: "acme" });
  const { id } = await start(owner, { customer: "acme", orders: 3 });
  await start(owner, { customer: "globex" }, "guide");
  await start(owner, null);
  expect(await found(reader.claims, { customer: "acme" })).toMatchObject([
    { id, agent: "clerk", about: "Hello", attributes: { customer: "acme", orders: 3 } },
  ]);
  expect(await found(owner, { customer: "acme" }, { of_status: ["failed"] })).toEqual([]);
  expect(await found(owner, { customer: ["acme", "globex"] }, { page_limit: 1 })).toHaveLength(1);
  expect(
    await rpc(db.sql, owner, "list_jobs", { of_attributes: { orders: 3 } } as never),
  ).toMatchObject([{ id, name: "run:clerk" }]);
  expect(await rpc(db.sql, owner, "get_run", { id })).toMatchObject({
    attributes: { customer: "acme", orders: 3 },
  });
  expect(await refusalOf(found(owner, {}, { of_status: ["done"] }))).toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining("queued, running, waiting, paused, succeeded"),
    details: { field: "of_status" },
  });
  expect(await refusalOf(start(owner, { customer: {} }))).toMatchObject({
    code: "invalid_request",
    message: expect.stringMatching(/^attributes has "customer"/),
    details: { field: "attributes.customer" },
  });
});

it("a tool changes the attributes of its run, and a fork begins with those of the original", async () => {
  const { owner, worker, door } = await makeRunning(db.sql);
  const said: unknown[] = [];
  const clerk = defineAgent({
    name: "clerk",
    model: scriptedModel((step) =>
      step === 1 ? { calls: [{ tool: "look", input: {} }] } : "Done.",
    ),
    tools: {
      look: tool({
        input: z.object({}),
        risk: "read",
        run: async (_, { attributes }) => {
          said.push(await attributes({ customer: "acme", hint: null, found: true }));
          return "It is acme.";
        },
      }),
    },
  });
  const { id } = await start(owner, { hint: "order 17" });
  await work(db.sql, worker.claims, door, runAgents(clerk));
  expect(said).toEqual([{ customer: "acme", found: true }]);
  expect(await found(owner, { found: true })).toMatchObject([{ id, status: "succeeded" }]);
  const fork = await rpc<{ id: string }>(db.sql, owner, "fork_run", { id, at_step: 2 });
  expect((await found(owner, { found: true })).map((run) => run.id).sort()).toEqual(
    [id, fork.id].sort(),
  );
});

it("a run keeps its attributes when its job is discarded, until the run is deleted", async () => {
  const { owner, tenant, worker, door } = await makeRunning(db.sql);
  const before = await storedBy(db.sql, owner);
  const broken = defineAgent({ name: "clerk", model: scriptedModel(() => new Error("No.")) });
  await start(owner, { customer: "acme" });
  await work(db.sql, worker.claims, door, runAgents(broken));
  expect(await found(owner, { customer: "acme" })).toMatchObject([{ status: "failed" }]);
  expect(await rpc(db.sql, owner, "discard_jobs", {})).toEqual({ discarded: 1 });
  expect(await found(owner, { customer: "acme" })).toMatchObject([{ status: "failed" }]);
  await db.advance("400 days");
  await db.sql`select mayfly_private.maintain_runs(${tenant}, 100)`;
  expect([
    ...(await db.sql`select from mayfly.job_attributes where tenant_id = ${tenant}`),
  ]).toEqual([]);
  expect(await storedBy(db.sql, owner)).toEqual(before);
});

it("an import stores the attributes of runs, also of those that had not ended, and of ended jobs", async () => {
  const { owner, worker } = await makeRunning(db.sql);
  await start(owner, { customer: "acme" });
  for (const name of ["ended", "open"])
    await rpc(db.sql, owner, "add_jobs", { jobs: [{ name, attributes: { job: name } }] } as never);
  const { jobs } = await rpc<{ jobs: { lease: string }[] }>(db.sql, worker.claims, "claim_jobs", {
    names: ["ended"],
  } as never);
  await rpc(db.sql, worker.claims, "complete_jobs", { done: [{ lease: jobs[0]?.lease }] } as never);
  const { lines } = await rpc<{ lines: { table: string }[] }>(db.sql, owner, "export_tenant", {});
  const copy = await makeTenant(db.sql);
  const { left_out } = await rpc<{ left_out: Record<string, number> }>(
    ...([db.sql, serviceRole, "import_tenant", { lines } as never, inTenant(copy)] as const),
  );
  expect(left_out).toMatchObject({ job_attributes: 1 });
  const reader = await makePerson(db.sql, { [copy]: "owner" });
  expect(await found(reader, { customer: "acme" })).toMatchObject([{ status: "cancelled" }]);
  const ended = { of_attributes: { job: ["ended", "open"] } } as never;
  expect(await rpc(db.sql, reader, "list_jobs", ended)).toMatchObject([{ name: "ended" }]);
  const kept =
    await db.sql`select kept, attributes from mayfly.job_attributes where tenant_id = ${copy} order by kept`;
  expect(kept.map((row) => row.kept)).toEqual([false, true]);
});
