/**
 * The cost of a call does not grow with the number of other rows. The cost is counted in pages that the
 * database reads, because their number is the same on a busy machine. For times, see docs/jobs.md.
 */

import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { add, claimOne, complete, makeWorker, makeWorkTenant } from "./working.ts";

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

/** How many pages a call reads. The same call has been planned in this session before. */
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
  it("of a claim does not grow with scheduled jobs and jobs for other workers", async () => {
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
  });

  it("of a step does not grow with 5,000 recorded steps of its job", async () => {
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
  });

  it("of a list by holder, or by the beginning of a key, does not grow with other jobs", async () => {
    const mine = await makeWorkTenant(db.sql);
    const own = await makeWorker(db.sql, mine);
    const keyed = ["task/1/a", "task/1/b", "task/2/a", "task/10/a"];
    await add(db.sql, own.claims, [
      ...keyed.map((key) => ({ name: "told", key })),
      { name: "held" },
      { name: "done" },
    ]);
    const done = await claimOne(db.sql, own.claims, { names: ["done"] });
    await complete(db.sql, own.claims, [{ lease: done.lease }]);
    const held = await claimOne(db.sql, own.claims, { names: ["held"] });
    const list = (of: string, value: string) => () =>
      pagesOf(`mayfly.list_jobs(${of} => $1)`, [value], own.claims);
    const byHolder = list("of_holder", own.id);
    const byKey = list("of_key_prefix", "task/1/");
    const alone = [await byHolder(), await byKey()];
    await db.sql`
      with others as (
        insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at, key, holder, lease_end)
        select ${mine}::uuid, gen_random_uuid(), 'others', 'others', 'others/others', s, now(), 'other/' || s || n,
          case s when 'running' then gen_random_uuid() end, case s when 'running' then now() end
        from unnest('{ready,running}'::text[]) s, generate_series(1, ${many / 2}::integer) n
        returning id, key)
      insert into mayfly_private.job_keys (tenant_id, key, job_id) select ${mine}, key, id from others`;
    await db.sql`
      insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, holder, created_at, bytes, input)
      select ${mine}, gen_random_uuid(), 'others', 'others', 'others/others', 'succeeded', 0, now(), 1, 5, gen_random_uuid(), now(), 768, '{}'
      from generate_series(1, ${many}::integer)`;
    // After so many new rows, autovacuum would analyze these tables.
    await db.sql`analyze mayfly.jobs, mayfly.finished_jobs`;
    expect((await byHolder()) / (alone[0] as number)).toBeLessThan(2);
    expect((await byKey()) / (alone[1] as number)).toBeLessThan(2);
    const found = async (of: Record<string, string>) =>
      (await rpc<{ id: string; key?: string }[]>(db.sql, own.claims, "list_jobs", of)).map(
        ({ id, key }) => key ?? id,
      );
    expect(await found({ of_holder: own.id })).toEqual([held.id, done.id].sort().reverse());
    expect((await found({ of_key_prefix: "task/1/" })).sort()).toEqual(["task/1/a", "task/1/b"]);
    expect(await found({ of_key_prefix: "task/%" })).toEqual([]);
  });

  it.skipIf(!databaseUrl)(
    "of a claim with marks does not grow with dead index entries",
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
      // This transaction still sees rows that are deleted after its start, as a backup or a long query does.
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
  );
});
