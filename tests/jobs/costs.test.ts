/**
 * What a call costs does not grow with what stands beside it. Counted in pages that the database looks at, which are
 * the same on a busy machine; the times are in docs/jobs.md.
 */

import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
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
const pagesOf = (call: string, values: unknown[], by = claims) =>
  actAs(db.sql, by, async (session) => {
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

  it.skipIf(!databaseUrl)(
    "of a claim with marks beside dead entries that nobody can remove",
    async () => {
      const mine = await makeWorkTenant(db.sql);
      const own = await makeWorker(db.sql, mine);
      const lanes = ["left/left", "right/right"];
      const fresh = () =>
        add(
          db.sql,
          own.claims,
          lanes.flatMap((lane) =>
            [0, 5].map((priority) => ({ name: lane.split("/")[0] ?? "", priority })),
          ),
        );
      const marksAt = (seq: number) =>
        lanes.flatMap((lane) => [0, 5].map((priority) => [mine, lane, priority, seq]));
      const pages = (seq: number) =>
        pagesOf("mayfly.claim_jobs(1, place => $1)", [{ marks: marksAt(seq) }], own.claims);
      await fresh();
      const alone = await pages(0);
      // As a backup or a long query does: it sees what is deleted behind it.
      const holder = postgres(db.url, { max: 1 });
      await holder.begin("isolation level repeatable read", async (session) => {
        await session`select txid_current()`;
        await db.sql`
        insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at)
        select ${mine}::uuid, gen_random_uuid(), split_part(l, '/', 1), split_part(l, '/', 1), l, 'ready', p, now()
        from unnest(${lanes}::text[]) l, unnest('{0,5}'::smallint[]) p, generate_series(1, ${many / 4}::integer)`;
        await db.sql`delete from mayfly.jobs where tenant_id = ${mine}`;
        const [last] =
          await db.sql`select pg_sequence_last_value('mayfly.jobs_seq_seq')::integer as seq`;
        await fresh();
        expect((await pages(last?.seq as number)) / alone).toBeLessThan(2);
      });
      await holder.end();
    },
    120_000,
  );
});
