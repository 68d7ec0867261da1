/** The index of attributes: what a search reads, and what never touches it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, complete, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const setUp = async () => {
  const tenant = await makeWorkTenant(db.sql);
  return { tenant, ...(await makeWorker(db.sql, tenant)) };
};

describe("the index of attributes", () => {
  it("finds jobs in a whole history without reading other jobs, of this tenant or of others", async () => {
    const [mine, others] = [await setUp(), await setUp()];
    await add(db.sql, mine.claims, [{ name: "rare", attributes: { customer: "acme", env: "x" } }]);
    const wanted = { of_attributes: { customer: "acme", env: "x" } };
    const pages = () =>
      actAs(db.sql, mine.claims, async (session) => {
        let read = 0;
        for (let n = 0; n < 3; n++) {
          const [row] = await session.unsafe(
            "explain (analyze, buffers, timing off, format json) select mayfly.list_jobs(of_attributes => $1)",
            [wanted.of_attributes as never],
          );
          const [{ Plan: plan }] = row?.["QUERY PLAN"] as [{ Plan: Record<string, number> }];
          read = (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
        }
        return read;
      });
    const alone = await pages();
    for (const [{ tenant }, attributes] of [
      [mine, '{"customer": "globex", "env": "y"}'],
      [others, '{"customer": "acme", "env": "x"}'],
    ] as const)
      await db.sql`
        with more as (
          insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, created_at, bytes, input)
          select ${tenant}::uuid, gen_random_uuid(), 'old', 'old', 'old/old', 'succeeded', 0, now(), 1, 5, now(), 768, '{}' from generate_series(1, 10000)
          returning tenant_id, id)
        insert into mayfly.job_attributes (tenant_id, job_id, attributes, bytes)
        select tenant_id, id, ${attributes}::text::jsonb, 200 from more`;
    await db.sql`analyze mayfly.job_attributes, mayfly.finished_jobs, mayfly.jobs`;
    expect(await rpc(db.sql, mine.claims, "list_jobs", wanted as never)).toMatchObject([
      { name: "rare" },
    ]);
    expect((await pages()) / alone).toBeLessThan(2);
    // The condition of jobs_with. No other index can answer it.
    const plan = await db.sql`
      explain select a.job_id from mayfly.job_attributes a
      where jsonb_set('{}', array[a.tenant_id::text], a.attributes) @? mayfly_private.attributes_path(${mine.tenant}, '{"customer": "acme"}')`;
    const text = plan.map((line) => line["QUERY PLAN"]).join("\n");
    expect(text).toContain("Bitmap Index Scan on job_attributes_search_idx");
    expect(text).not.toContain("Seq Scan");
    const [source] =
      await db.sql`select pg_get_functiondef('mayfly_private.jobs_with'::regproc) as is`;
    expect(source?.is).toContain("jsonb_set('{}', array[a.tenant_id::text], a.attributes) @? path");
  });

  it("is not touched when jobs are claimed, kept alive, completed, or added without attributes", async () => {
    const { tenant, claims } = await setUp();
    await add(db.sql, claims, [{ name: "a", attributes: { customer: "acme" } }]);
    const place = async () =>
      (
        await db.sql`select ctid::text, xmin::text from mayfly.job_attributes where tenant_id = ${tenant}`
      ).map((row) => ({ ...row }));
    const first = await place();
    expect(first).toHaveLength(1);
    const { lease } = await claimOne(db.sql, claims);
    // The heartbeat stays within its page of the hot table, as without attributes.
    const [jobs] = await db.sql`select 'mayfly.jobs'::regclass::oid::integer as oid`;
    const counts = await actAs(db.sql, claims, async (session) => {
      const count = async () => {
        const [row] = await session`
          select pg_stat_get_xact_tuples_updated(${jobs?.oid})::integer as all,
            pg_stat_get_xact_tuples_hot_updated(${jobs?.oid})::integer as hot`;
        return row as unknown as { all: number; hot: number };
      };
      const before = await count();
      await session`select mayfly.heartbeat_jobs(${[lease]})`;
      const after = await count();
      return { all: after.all - before.all, hot: after.hot - before.hot };
    });
    expect(counts).toEqual({ all: 1, hot: 1 });
    await complete(db.sql, claims, [{ lease }]);
    await add(db.sql, claims, [{ name: "b" }, { name: "c", priority: 1 }]);
    expect(await place()).toEqual(first);
  });
});
