/** The results of the ready-made queries of jobs in the SQL editor. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect as inspectAs } from "#harness/inspect";
import { add, claim, claimOne, complete, fail, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

it("each query shows its tenant's backlog, leases, waits, dead letters or times", async () => {
  const tenant = await makeWorkTenant(db.sql);
  const [named] = await db.sql`select name from mayfly.tenants where id = ${tenant}`;
  const worker = await makeWorker(db.sql, tenant, { name: "busy" });
  const other = await makeWorker(db.sql, await makeWorkTenant(db.sql));
  await add(db.sql, other.claims, [{ name: "theirs" }]);
  const { claims } = worker;
  const inspect = async (name: string) =>
    (await inspectAs(db.sql, name)).filter((row) => row.tenant === named?.name);

  await add(db.sql, claims, [
    { name: "dies", max_attempts: 1 },
    { name: "done" },
    { name: "waits" },
    { name: "held", queue: "line" },
    { name: "held", queue: "line" },
    { name: "later", delay: 60 },
  ]);
  const dying = await claimOne(db.sql, claims, { queues: ["dies"] });
  await fail(db.sql, claims, [
    { lease: dying.lease, error: { code: "broken", message: "no page" } },
  ]);
  const done = await claimOne(db.sql, claims, { queues: ["done"] });
  await complete(db.sql, claims, [{ lease: done.lease }]);
  const parent = await claimOne(db.sql, claims, { queues: ["waits"] });
  const child = { name: "child" };
  const [added] = await add(db.sql, claims, [child], { lease: parent.lease });
  await rpc(db.sql, claims, "wait_job", {
    lease: parent.lease,
    step: "end",
    signals: ["go", `job:${added?.id}`],
  });
  await claim(db.sql, claims, 2, { queues: ["line"], lease: 60 });

  expect(await inspect("jobs")).toMatchObject([
    { queue: "child", ready: "1" },
    { queue: "dies", dead_letters: "1", an_error: "no page" },
    { queue: "later", scheduled: "1", ready: "0", oldest_ready: null },
    { queue: "line", ready: "0", running: "2", held_by: "busy", leases_over: "0" },
    { queue: "waits", waiting: "1" },
  ]);
  expect(await inspect("job_leases")).toMatchObject([
    { holder: "agent busy", agent_status: "running", jobs: "2", queues: "line", leases_over: "0" },
  ]);
  expect(await inspect("job_waits")).toMatchObject([
    {
      id: parent.id,
      waits_for: `go, job:${added?.id}`,
      children: "child ready",
      at_most: null,
      signals_kept: null,
    },
  ]);
  expect(await inspect("dead_jobs")).toMatchObject([
    { queue: "dies", code: "broken", jobs: "1", newest: dying.id, it_said: "no page" },
  ]);
  const times = await inspect("job_times");
  expect(times.map(({ queue, ended, failed }) => `${queue} ${ended} ${failed}`).sort()).toEqual([
    "dies 1 1",
    "done 1 0",
  ]);
  expect(Number(times[0]?.run_p99)).toBeGreaterThan(0);
});
