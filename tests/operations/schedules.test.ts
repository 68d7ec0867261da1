import { readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeTenant, type Sql } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

const schedules = join(import.meta.dirname, "../../sql/operations/schedules.sql");
const jobs = ["mayfly-cron-history", "mayfly-flush", "mayfly-maintain", "mayfly-settle"];

/** The database of the cluster in which pg_cron runs. Undefined if it is not loaded. */
async function openCronDatabase(): Promise<Sql | undefined> {
  const sql = postgres(databaseUrl as string, { max: 1, onnotice: () => {} });
  const [row] = await sql`select current_setting('cron.database_name', true) as name`;
  await sql.end();
  if (!row?.name) return undefined;
  const url = new URL(databaseUrl as string);
  url.pathname = `/${row.name}`;
  const cron = postgres(url.href, { max: 1, onnotice: () => {} });
  await cron`create extension if not exists pg_cron`;
  return cron;
}

const probe = databaseUrl ? await openCronDatabase() : undefined;

// A cluster has one pg_cron. The test creates the jobs in its database, as the migration does. Then it points them at
// its own database, and lets them run each second. Their commands are unchanged.
describe.skipIf(!probe)("the schedules, by a real pg_cron", () => {
  const cron = probe as Sql;
  let db: TestDatabase;
  let tenant: string;

  const removeJobs = () =>
    cron`select cron.unschedule(jobid) from cron.job where jobname like 'mayfly-%'`;

  beforeAll(async () => {
    db = await openPostgresDatabase();
    tenant = await makeTenant(db.sql);
    await db.sql`
      insert into mayfly.memories (tenant_id, id, task, expires_at)
      select ${tenant}, gen_random_uuid(), 'a task', case when n <= 3 then now() end from generate_series(1, 550) n`;
    await db.sql`
      insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
      select tenant_id, 'm', id, array_fill(0.1::real, array[384])::extensions.halfvec(384)
      from mayfly.memories where expires_at is null`;
    await db.sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'm', 1)`;

    // The lock lets only one run of this file at a time continue.
    await cron`select pg_advisory_lock(hashtextextended('mayfly-schedules', 0))`;
    await removeJobs();
    const file = await readFile(schedules, "utf8");
    await cron.begin(async (session) => {
      await session.unsafe(file);
      await session.unsafe(file);
      await session`
        select cron.alter_job(jobid, schedule => '1 seconds', database => ${new URL(db.url).pathname.slice(1)})
        from cron.job where jobname in ('mayfly-flush', 'mayfly-maintain', 'mayfly-settle')`;
      await session`
        select cron.alter_job(jobid, schedule => '1 seconds') from cron.job where jobname = 'mayfly-cron-history'`;
    });
  });
  afterAll(async () => {
    await removeJobs();
    await cron.end();
    await db?.close();
  });

  it("are created once each, except those that need pg_net", async () => {
    const rows = await cron`
      select jobname, active from cron.job where jobname like 'mayfly-%' order by jobname`;
    expect([...rows]).toEqual(jobs.map((jobname) => ({ jobname, active: true })));
  });

  it("forget expired memories and settle vectors, each batch in its own transaction", async () => {
    await vi.waitFor(
      async () => {
        const [row] = await db.sql`
          select count(*) filter (where not v.settled)::int as unsettled,
            count(distinct v.xmin::text)::int as transactions,
            (select count(*)::int from mayfly.memories m where m.tenant_id = ${tenant} and m.deleted_at is not null) as forgotten
          from mayfly.memory_vectors v where v.tenant_id = ${tenant}`;
        expect(row).toEqual({ unsettled: 0, transactions: 2, forgotten: 3 });
      },
      { timeout: 40_000, interval: 200 },
    );
  });

  it("send due broadcasts", async () => {
    await vi.waitFor(
      async () => {
        const [row] = await db.sql`select mayfly_private.is_flushed() as flushed`;
        expect(row?.flushed).toBe(true);
      },
      { timeout: 40_000, interval: 200 },
    );
  });

  it("all succeed", async () => {
    await vi.waitFor(
      async () => {
        // A run of the flusher takes a minute, and ends here with its database.
        const rows = await cron`
          select distinct j.jobname, d.status from cron.job j join cron.job_run_details d using (jobid)
          where j.jobname like 'mayfly-%'
            and d.status in ('succeeded', 'failed', case j.jobname when 'mayfly-flush' then 'running' end) order by 1`;
        expect([...rows]).toEqual(
          jobs.map((jobname) => ({
            jobname,
            status: jobname === "mayfly-flush" ? "running" : "succeeded",
          })),
        );
      },
      { timeout: 40_000, interval: 200 },
    );
  });
});
