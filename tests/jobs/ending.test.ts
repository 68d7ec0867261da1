import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, codeOf, makePerson, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  add,
  claim,
  claimOne,
  complete,
  fail,
  jobOf,
  letTick,
  makeWorker,
  makeWorkTenant,
  statusOf,
} from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

async function setUp() {
  const tenant = await makeWorkTenant(db.sql);
  const worker = await makeWorker(db.sql, tenant);
  return { tenant, worker, claims: worker.claims };
}

describe("ending jobs", () => {
  it("retries a failed job after its backoff, and finally makes it a dead letter", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [
      { name: "a", max_attempts: 2, backoff: { base: 100, factor: 10, cap: 600_000 } },
    ]);
    const id = job?.id ?? "";
    const first = await claimOne(db.sql, claims);
    expect(
      await fail(db.sql, claims, [
        { lease: first.lease, error: { code: "net", message: "no answer" } },
      ]),
    ).toEqual(["retrying"]);
    expect(await jobOf(db.sql, tenant, id)).toMatchObject({
      status: "scheduled",
      error: { code: "net", message: "no answer" },
      attempts: [{ attempt: 1, error: { code: "net" } }],
    });
    const [due] =
      await db.sql`select run_at - clock_timestamp() <= interval '100 s' and run_at > now() - interval '1 s' as ok from mayfly.jobs where id = ${id}`;
    expect(due?.ok).toBe(true);
    await db.advance("100 seconds");
    const second = await claimOne(db.sql, claims);
    expect(second.attempt).toBe(2);
    expect(
      await fail(db.sql, claims, [{ lease: second.lease, error: { message: "again" } }]),
    ).toEqual(["failed"]);
    expect(await statusOf(db.sql, tenant, id)).toBe("failed");
    // The caller repeats these calls, because it did not get their answers.
    expect(
      await fail(db.sql, claims, [{ lease: second.lease, error: { message: "again" } }]),
    ).toEqual(["recorded"]);
  });

  it("does not retry a job if its error says that it is not retryable", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    expect(
      await fail(db.sql, claims, [{ lease, error: { message: "never" }, retryable: false }]),
    ).toEqual(["failed"]);
    expect(await statusOf(db.sql, tenant, job?.id ?? "")).toBe("failed");
  });

  it("completes a job once if a call names it twice, with the first result", async () => {
    const { tenant, claims } = await setUp();
    const [one] = await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    const answer = await complete(db.sql, claims, [
      { lease, result: 1 },
      { lease, result: 2 },
    ]);
    expect(answer).toEqual({ lost: [], cancelled: [] });
    expect(await jobOf(db.sql, tenant, one?.id ?? "")).toMatchObject({
      status: "succeeded",
      result: 1,
    });
  });

  it("records a result once, and gives a repeated call the same answer", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    for (const result of [1, 2])
      expect(await complete(db.sql, claims, [{ lease, result }])).toEqual({
        lost: [],
        cancelled: [],
      });
    expect(await jobOf(db.sql, tenant, job?.id ?? "")).toMatchObject({
      status: "succeeded",
      result: 1,
    });
    const events =
      await db.sql`select type from mayfly.events where subject = ${job?.id ?? ""} order by xid, id`;
    expect(events.map((event) => event.type)).toEqual(["job.added", "job.succeeded"]);
  });

  it("refuses a result over 256 KB, and treats an invalid lease as lost", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "a" }]);
    const { lease } = await claimOne(db.sql, claims);
    expect(
      await refusalOf(complete(db.sql, claims, [{ lease, result: "x".repeat(262_144) }])),
    ).toMatchObject({
      code: "invalid_request",
      details: { index: 0, field: "result" },
    });
    const nonsense = ["", "1.2.3", `1.${randomUUID()}.${randomUUID()}`, lease.replace(/^1/, "2")];
    expect(
      (
        await complete(
          db.sql,
          claims,
          nonsense.map((lease) => ({ lease })),
        )
      ).lost,
    ).toEqual([0, 1, 2, 3]);
  });

  it("redrives dead letters with their steps, and discards them", async () => {
    const { claims, tenant } = await setUp();
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const [job] = await add(db.sql, claims, [{ name: "a", max_attempts: 1 }]);
    const id = job?.id ?? "";
    const old = await claimOne(db.sql, claims);
    await rpc(db.sql, claims, "record_steps", {
      lease: old.lease,
      steps: [{ name: "s", result: 7 }] as never,
    });
    await fail(db.sql, claims, [{ lease: old.lease, error: { message: "x" } }]);
    expect(await codeOf(rpc(db.sql, claims, "redrive_jobs"))).toBe("scope_missing");
    expect(await rpc(db.sql, owner, "redrive_jobs", { ids: [id] })).toEqual({ redriven: 1 });
    const again = await claimOne(db.sql, claims);
    expect(again).toMatchObject({ id, attempt: 2, max_attempts: 2 });
    expect(await codeOf(rpc(db.sql, claims, "read_steps", { lease: old.lease }))).toBe(
      "lease_lost",
    );
    expect(await rpc(db.sql, claims, "read_steps", { lease: again.lease })).toMatchObject({
      steps: { s: 7 },
    });
    await fail(db.sql, claims, [{ lease: again.lease, error: { message: "x" } }]);
    expect(await rpc(db.sql, owner, "discard_jobs")).toEqual({ discarded: 1 });
    expect(await codeOf(jobOf(db.sql, tenant, id))).toBe("job_unknown");
    const [steps] = await db.sql`select count(*)::int from mayfly.job_steps where job_id = ${id}`;
    expect(steps?.count).toBe(0);
  });

  it("fails jobs past their deadline, and takes back jobs over their timeout", async () => {
    const { claims, tenant } = await setUp();
    const [late, slow] = await add(db.sql, claims, [
      { name: "late", deadline: "2020-01-01T00:00:00Z" },
      { name: "slow", timeout: 60 },
    ]);
    await letTick(db);
    await claim(db.sql, claims, 0);
    expect(await jobOf(db.sql, tenant, late?.id ?? "")).toMatchObject({
      status: "failed",
      error: { code: "deadline_passed" },
    });
    const job = await claimOne(db.sql, claims, { lease: 3600 });
    const [end] = await db.sql`
      select extract(epoch from lease_end - mayfly_private.now())::float as seconds from mayfly.jobs where id = ${slow?.id ?? ""}`;
    expect(end?.seconds).toBeLessThanOrEqual(60);
    await rpc(db.sql, claims, "heartbeat_jobs", { leases: [job.lease], lease: 3600 });
    await db.advance("61 seconds");
    await claim(db.sql, claims, 0);
    expect(await jobOf(db.sql, tenant, slow?.id ?? "")).toMatchObject({
      status: "ready",
      attempts: [{ error: { code: "job_timeout" } }],
    });
  });

  it("notifies a child's parent without reading other jobs of the tenant", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "parent" }]);
    const parent = await claimOne(db.sql, claims);
    await add(db.sql, claims, [{ name: "child" }], { lease: parent.lease });
    const child = await claimOne(db.sql, claims);
    const many = Array.from({ length: 1_000 }, () => ({ name: "other" }));
    for (let n = 0; n < 5; n++) await add(db.sql, claims, many);
    await db.sql`analyze mayfly.jobs`;
    const read = await actAs(db.sql, claims, async (session) => {
      const done = JSON.stringify([{ lease: child.lease, result: 1 }]);
      const rows = async () => {
        const [row] = await session`
          select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
          from pg_stat_xact_user_tables where schemaname = 'mayfly' and relname = 'jobs'`;
        return row?.rows as number;
      };
      const before = await rows();
      await session`select mayfly.complete_jobs(${done}::text::jsonb)`;
      return (await rows()) - before;
    });
    expect(read).toBeLessThan(100);
  });
});

describe("finished jobs", () => {
  it("are listed, and counted by queue with percentiles, until retention deletes them", async () => {
    const { claims, tenant, worker } = await setUp();
    const added = await add(db.sql, claims, [
      { name: "a" },
      { name: "b" },
      { name: "a", delay: 60 },
    ]);
    const taken = await claim(db.sql, claims, 2);
    await complete(
      db.sql,
      claims,
      taken.jobs.map(({ lease }) => ({ lease, result: { ok: true } })),
    );
    const list = await rpc<{ id: string; status: string }[]>(db.sql, claims, "list_jobs", {});
    expect(list.map((job) => job.status).sort()).toEqual(["scheduled", "succeeded", "succeeded"]);
    expect(await rpc(db.sql, claims, "list_jobs", { of_status: ["scheduled"] })).toMatchObject([
      { id: added[2]?.id },
    ]);
    const ids = [added[1]?.id, added[2]?.id].sort();
    const some = await rpc<{ id: string }[]>(db.sql, claims, "list_jobs", { of_ids: ids });
    expect(some.map(({ id }) => id).sort()).toEqual(ids);
    const held = await rpc<{ status: string; holder: string }[]>(db.sql, claims, "list_jobs", {
      of_holder: worker.id,
    });
    expect(held.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
    expect(await rpc(db.sql, claims, "list_jobs", { of_holder: added[0]?.id })).toEqual([]);
    expect(await codeOf(rpc(db.sql, claims, "list_jobs", { of_status: ["sleeping"] }))).toBe(
      "invalid_request",
    );
    const statistics = await rpc<Record<string, unknown>[]>(db.sql, claims, "job_statistics", {});
    expect(statistics).toMatchObject([
      {
        queue: "a",
        succeeded: 1,
        scheduled: 1,
        wait: { p50: expect.any(Number) },
        run: { p99: expect.any(Number) },
      },
      { queue: "b", succeeded: 1, limits: {} },
    ]);
    await db.sql`insert into mayfly.job_queues (tenant_id, name, paused, max_running) values (${tenant}, 'c', true, 2)`;
    expect(await rpc(db.sql, claims, "job_statistics", {})).toMatchObject([
      {},
      {},
      { queue: "c", ready: 0, succeeded: 0, limits: { paused: true, max_running: 2 } },
    ]);
    await db.advance("31 days");
    const [more] = await db.sql`select mayfly_private.maintain_jobs(${tenant}, 1) as more`;
    expect(more?.more).toEqual({ more: true });
    await db.sql`select mayfly_private.maintain_jobs(${tenant}, 10)`;
    const [left] =
      await db.sql`select count(*)::int from mayfly.finished_jobs where tenant_id = ${tenant}`;
    expect(left?.count).toBe(0);
  });
});
