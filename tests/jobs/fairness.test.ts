/**
 * Invariant 9: one tenant cannot starve another, and within a tenant, one queue cannot starve another. The
 * tests count claims, so that they do not depend on time.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, type Sql, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import {
  type Claimed,
  claim,
  claimAny,
  complete,
  makeWorker,
  makeWorkTenant,
  type Taken,
} from "./working.ts";

let db: TestDatabase;

/** Inserts ready jobs without add_jobs, which accepts only 1,000 jobs at once. */
const fill = (sql: Sql, tenant: string, count: number, queue = "a") =>
  sql`insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at)
    select ${tenant}, gen_random_uuid(), ${queue}, 'a', ${`${queue}/a`}, 'ready', now() from generate_series(1, ${count}::integer)`;

type Claim = (place: Record<string, unknown>) => Promise<Taken>;

/** How many claims of up to 25 jobs it takes, on average, until a job for which `isOne` is true is taken. */
async function meanWait(
  count: number,
  isOne: (job: Claimed) => boolean,
  claims25: Claim,
  claims: Claims,
): Promise<number> {
  const waits: number[] = [];
  let place: Record<string, unknown> = {};
  for (let nth = 1; waits.length < count; nth++) {
    const taken = await claims25(place);
    place = taken.place;
    for (const job of taken.jobs) if (isOne(job)) waits.push(nth);
    await complete(
      db.sql,
      claims,
      taken.jobs.map(({ lease }) => ({ lease })),
    );
    if (nth > 500) throw new Error("They starve.");
  }
  return waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
}

describe.skipIf(!databaseUrl)("fairness", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("lets 50 tenants with 10 jobs each wait at most 1.2 times as long if another has 100,000 jobs", async () => {
    const small: string[] = [];
    for (let n = 0; n < 50; n++) small.push(await makeWorkTenant(db.sql));
    for (const tenant of small) await fill(db.sql, tenant, 10);
    const wait = () =>
      meanWait(
        500,
        (job) => small.includes(job.tenant_id),
        (place) => claimAny(db.sql, 25, { place: place as never }),
        serviceRole,
      );
    const alone = await wait();
    const large = await makeWorkTenant(db.sql);
    await fill(db.sql, large, 100_000);
    for (const tenant of small) await fill(db.sql, tenant, 10);
    const beside = await wait();
    expect(beside / alone).toBeLessThanOrEqual(1.2);
  });

  it("lets 30 queues with 10 jobs each wait at most 1.2 times as long if another has 100,000 jobs", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant);
    const small = Array.from({ length: 30 }, (_, n) => `q${n}`);
    const wait = async () => {
      for (const queue of small) await fill(db.sql, tenant, 10, queue);
      return meanWait(
        300,
        (job) => job.queue !== "large",
        (place) => claim(db.sql, claims, 25, { place }) as Promise<Taken>,
        claims,
      );
    };
    const alone = await wait();
    await fill(db.sql, tenant, 100_000, "large");
    expect((await wait()) / alone).toBeLessThanOrEqual(1.2);
  });
});
