import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, complete, jobOf, makeWorker, makeWorkTenant } from "./working.ts";

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

describe("adding jobs", () => {
  it("returns a new id for each job, and the id of the existing job for a known key", async () => {
    const { claims, tenant } = await setUp();
    const first = await add(db.sql, claims, [
      { name: "a", key: "one", input: { n: 1 } },
      { name: "a", key: "one", input: { n: 2 } },
      { name: "b" },
    ]);
    expect(first.map((job) => job.existing)).toEqual([false, true, false]);
    expect(first[1]?.id).toBe(first[0]?.id);
    const again = await add(db.sql, claims, [{ name: "a", key: "one" }]);
    expect(again).toEqual([{ id: first[0]?.id, existing: true }]);
    expect(await jobOf(db.sql, tenant, first[0]?.id ?? "")).toMatchObject({ input: { n: 1 } });
  });

  it("recognises the key of an ended job as long as the job is kept", async () => {
    const { claims, tenant } = await setUp();
    const [job] = await add(db.sql, claims, [{ name: "a", key: "one" }]);
    const { lease } = await claimOne(db.sql, claims);
    await complete(db.sql, claims, [{ lease }]);
    expect(await add(db.sql, claims, [{ name: "a", key: "one" }])).toEqual([
      { id: job?.id, existing: true },
    ]);
    await db.advance("1 year");
    await db.sql`select mayfly_private.maintain_jobs(tenant_id, 100) from mayfly.finished_jobs where id = ${job?.id ?? ""}`;
    const later = await makeWorker(db.sql, tenant);
    expect((await add(db.sql, later.claims, [{ name: "a", key: "one" }]))[0]?.existing).toBe(false);
  });

  const faults: [string, Record<string, unknown>][] = [
    ["name", { name: "not a name" }],
    ["name", { input: 1 }],
    ["name", { name: 7 }],
    ["queue", { name: "a", queue: "a/b" }],
    ["input", { name: "a", input: "x".repeat(262_145) }],
    ["input", { name: "a", input: Array.from({ length: 40 }).reduce((inner) => [inner], 1) }],
    ["group", { name: "a", group: "" }],
    ["priority", { name: "a", priority: 0.5 }],
    ["run_at", { name: "a", run_at: "tomorrow" }],
    ["delay", { name: "a", delay: -1 }],
    ["delay", { name: "a", delay: 1, run_at: "2030-01-01T00:00:00Z" }],
    ["key", { name: "a", key: "" }],
    ["max_attempts", { name: "a", max_attempts: 0 }],
    ["timeout", { name: "a", timeout: 0 }],
    ["deadline", { name: "a", deadline: "late" }],
    ["backoff", { name: "a", backoff: { base: -1 } }],
    ["backoff", { name: "a", backoff: { bases: 1 } }],
    ["backoff", { name: "a", backoff: "fast" }],
    ["target", { name: "a", target: { agent: "me" } }],
    ["target", { name: "a", target: { type: "x", agent: randomUUID() } }],
    ["target", { name: "a", target: { capabilities: [] } }],
    ["target", { name: "a", target: "me" }],
    ["answers", { name: "a", answers: "x" }],
    ["colour", { name: "a", colour: "red" }],
  ];
  it.each(faults)("names the invalid field %s (%#)", async (field, job) => {
    const { claims, tenant } = await setUp();
    const refusal = await refusalOf(add(db.sql, claims, [{ name: "fine" }, job]));
    expect(refusal).toMatchObject({ code: "invalid_request", details: { index: 1, field } });
    const [row] = await db.sql`select count(*)::int from mayfly.jobs where tenant_id = ${tenant}`;
    expect(row?.count).toBe(0);
  });

  it("refuses anything but an array of 1 to 1,000 jobs", async () => {
    const { claims } = await setUp();
    for (const jobs of [{}, [], Array.from({ length: 1001 }, () => ({ name: "a" }))])
      expect(await refusalOf(add(db.sql, claims, jobs as never))).toMatchObject({
        code: "invalid_request",
        details: { field: "jobs" },
      });
  });

  it("charges the tenant, and refunds the charge when the job is deleted", async () => {
    const { claims, tenant } = await setUp();
    const used = async () =>
      Number(
        (
          await db.sql`select sum(bytes) from mayfly_private.tenant_usage where tenant_id = ${tenant}`
        )[0]?.sum,
      );
    const before = await used();
    await add(db.sql, claims, [{ name: "a", input: { text: "x".repeat(1000) } }]);
    const { lease } = await claimOne(db.sql, claims);
    await rpc(db.sql, claims, "record_steps", {
      lease,
      steps: [{ name: "s", result: "y".repeat(500) }] as never,
    });
    await complete(db.sql, claims, [{ lease, result: "z".repeat(1000) }]);
    const after = await used();
    expect(after - before).toBeGreaterThan(2500);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect(await used()).toBe(after);
    await db.advance("1 year");
    await db.sql`select mayfly_private.maintain_jobs(${tenant}, 100)`;
    expect(await used()).toBe(before);
  });

  it("is refused beyond the quotas of bytes and of writes", async () => {
    const { claims, tenant } = await setUp();
    await db.sql`update mayfly.tenants set max_bytes = 0 where id = ${tenant}`;
    expect(await codeOf(add(db.sql, claims, [{ name: "a" }]))).toBe("quota_exceeded");
    await db.sql`update mayfly.tenants set max_bytes = 1e9, writes_per_minute = 1000 where id = ${tenant}`;
    const batch = Array.from({ length: 1000 }, () => ({ name: "a" }));
    const codes: unknown[] = [];
    for (let n = 0; n < 3; n++)
      codes.push(
        await add(db.sql, claims, batch).then(
          () => "added",
          (e: Error) => JSON.parse(e.message).code,
        ),
      );
    expect(codes).toContain("rate_limited");
  });
});
