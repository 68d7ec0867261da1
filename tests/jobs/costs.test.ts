/**
 * What a call costs does not grow with what stands beside it. Counted in pages that the database looks at, which are
 * the same on a busy machine; the times are in docs/jobs.md.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, makeWorker, makeWorkTenant } from "./working.ts";

const many = 20_000;

let db: TestDatabase;
let tenant: string;
let claims: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeWorkTenant(db.sql);
  ({ claims } = await makeWorker(db.sql, tenant));
});
afterAll(() => db?.close());

/** Pages that a call looks at, after the same call has planned in this session. */
const pagesOf = (call: string, values: unknown[]) =>
  actAs(db.sql, claims, async (session) => {
    const looked: number[] = [];
    for (let n = 0; n < 3; n++) {
      const [row] = await session.unsafe(
        `explain (analyze, buffers, timing off, format json) select ${call}`,
        values.map((value) => (typeof value === "function" ? value(n) : value)) as never[],
      );
      const [{ Plan: plan }] = row?.["QUERY PLAN"] as [{ Plan: Record<string, number> }];
      looked.push((plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0));
    }
    return looked.at(-1) as number;
  });

describe("the cost", () => {
  it("of a claim beside jobs that are scheduled, and jobs that its worker does not do", async () => {
    const ten = Array.from({ length: 30 }, () => ({ name: "mine" }));
    const claim = () => pagesOf("mayfly.claim_jobs(10, names => $1)", [["mine"]]);
    await add(db.sql, claims, ten);
    const alone = await claim();
    await db.sql`
      insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at)
      select ${tenant}::uuid, gen_random_uuid(), 'others', 'others', 'others/others', 'ready', now() from generate_series(1, ${many}::integer)
      union all
      select ${tenant}::uuid, gen_random_uuid(), 'mine', 'mine', 'mine/mine', 'scheduled', now() + interval '1 day' from generate_series(1, ${many}::integer)`;
    await add(db.sql, claims, ten);
    expect((await claim()) / alone).toBeLessThan(2);
  }, 120_000);

  it("of a step beside the 5,000 that its job has recorded", async () => {
    await add(db.sql, claims, [{ name: "long" }]);
    const { id, lease } = await claimOne(db.sql, claims, { names: ["long"], lease: 3_600 });
    const step = (prefix: string) =>
      pagesOf("mayfly.record_steps($1, $2)", [
        lease,
        (n: number) => [{ name: `${prefix}${n}`, result: n }],
      ]);
    const early = await step("early");
    await db.sql`
      insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
      select ${tenant}::uuid, ${id}::uuid, 's' || n, 1, '1', 129 from generate_series(1, 5000) n`;
    expect((await step("late")) / early).toBeLessThan(1.5);
  }, 120_000);
});
