/** What reads an agent with its ancestors in a tenant where thousands of agents have ended. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAgent } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, makeWorker, makeWorkTenant, scopes } from "../jobs/working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

it("an agent's lease, life and budgets are checked by reading only its line, also without statistics", async () => {
  const tenant = await makeWorkTenant(db.sql);
  const parent = await makeWorker(db.sql, tenant);
  const child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes });
  await add(db.sql, parent.claims, [{ name: "a" }]);
  const { lease } = await claimOne(db.sql, child.claims);
  await db.sql`alter table mayfly.agents set (autovacuum_enabled = off)`;
  await db.sql.begin(async (session) => {
    const claims = JSON.stringify(child.claims);
    await session`select set_config('request.jwt.claims', ${claims}, true)`;
    const claiming = (headers: string) => session`
      select (mayfly_private.claiming_worker(false)).id from (select set_config('request.headers', ${headers}, true)) s`;
    const [functions] = await session`
      select jsonb_build_object('x-mayfly-functions', mayfly_private.release() ->> 'installed')::text as headers`;
    const calls: Record<string, () => Promise<unknown>> = {
      heartbeat_jobs: () => session`select mayfly_private.heartbeat_jobs(array[${lease}], 30)`,
      claiming_worker: () => claiming(""),
      "claiming_worker, from a function": () => claiming(functions?.headers as string),
      effective_status: () => session`
        select mayfly_private.effective_status(a) from mayfly.agents a
        where a.tenant_id = ${tenant} and a.id between ${child.id} and ${child.id} order by a.id limit 1`,
      extend_life: () => session`select mayfly_private.extend_life(${tenant}, ${child.id})`,
      cost_groups_of: () => session`select mayfly_private.cost_groups_of(${tenant}, ${child.id})`,
    };
    const read = async () => {
      const [row] = await session`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
        from pg_stat_xact_user_tables where schemaname = 'mayfly' and relname = 'agents'`;
      return row?.rows as number;
    };
    const callsThatReadMore = async () => {
      const found: [string, number][] = [];
      for (const [name, call] of Object.entries(calls)) {
        const before = await read();
        await call();
        const rows = (await read()) - before;
        if (rows > 15) found.push([name, rows]);
      }
      return found;
    };
    // The session keeps the plans that it made while the table was small.
    for (let n = 0; n < 7; n++) await callsThatReadMore();
    await session`
      insert into mayfly.agents (tenant_id, name, type, lifetime, expires_at, status)
      select ${tenant}, 'old ' || n, 'agent', '5 minutes', now(), 'expired' from generate_series(1, 2000) n`;
    expect(await callsThatReadMore()).toEqual([]);
    await session`discard plans`;
    expect(await callsThatReadMore()).toEqual([]);
    await session`analyze mayfly.agents`;
    expect(await callsThatReadMore()).toEqual([]);
  });
});
