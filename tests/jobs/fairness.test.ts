/** Invariant 9: one tenant cannot starve another, counted in claims, so that no clock decides. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sql, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { claimAny, complete, makeWorkTenant } from "./working.ts";

let db: TestDatabase;

/** Ready jobs, past add_jobs, which takes a thousand at once. */
const fill = (sql: Sql, tenant: string, count: number, queue = "a") =>
  sql`insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at)
    select ${tenant}, gen_random_uuid(), ${queue}, 'a', ${`${queue}/a`}, 'ready', now() from generate_series(1, ${count}::integer)`;

/** After how many claims of 25 jobs each of the small tenants' jobs was taken, on average. */
async function meanWait(small: string[]): Promise<number> {
  const waits: number[] = [];
  let place: Record<string, unknown> = {};
  for (let claims = 1; waits.length < small.length * 10; claims++) {
    const taken = await claimAny(db.sql, 25, { place: place as never });
    place = taken.place;
    for (const job of taken.jobs) if (small.includes(job.tenant_id)) waits.push(claims);
    await complete(
      db.sql,
      serviceRole,
      taken.jobs.map(({ lease }) => ({ lease })),
    );
    if (claims > 500) throw new Error("They starve.");
  }
  return waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
}

describe.skipIf(!databaseUrl)("fairness among tenants", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("50 tenants with 10 jobs each wait at most 1.2 times as long beside one with 100,000", async () => {
    const small: string[] = [];
    for (let n = 0; n < 50; n++) small.push(await makeWorkTenant(db.sql));
    for (const tenant of small) await fill(db.sql, tenant, 10);
    const alone = await meanWait(small);
    const large = await makeWorkTenant(db.sql);
    await fill(db.sql, large, 100_000);
    for (const tenant of small) await fill(db.sql, tenant, 10);
    const beside = await meanWait(small);
    expect(beside / alone).toBeLessThanOrEqual(1.2);
  }, 120_000);
});
