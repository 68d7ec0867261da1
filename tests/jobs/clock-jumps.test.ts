/** The clock of the database jumps, ahead and back, on a real Postgres 17: nothing is lost, done twice or stuck. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, codeOf, rpc } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { add, claim, claimOne, complete, jobOf, makeWorker, makeWorkTenant } from "./working.ts";

describe.skipIf(!databaseUrl)("a jump of the clock", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  const setUp = async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant, { lifetime: 80_000 });
    return { tenant, claims };
  };
  const workAll = async (claims: Claims) => {
    let done = 0;
    for (let jobs = (await claim(db.sql, claims, 100)).jobs; jobs.length > 0; ) {
      const answer = await complete(
        db.sql,
        claims,
        jobs.map(({ lease }) => ({ lease })),
      );
      done += jobs.length - answer.lost.length;
      jobs = (await claim(db.sql, claims, 100)).jobs;
    }
    return done;
  };

  it("ahead ends every lease: old leases are refused, and each job is done once by another claim", async () => {
    const { tenant, claims } = await setUp();
    const added = await add(
      db.sql,
      claims,
      Array.from({ length: 50 }, () => ({ name: "work" })),
    );
    const old = (await claim(db.sql, claims, 50)).jobs;
    expect(old).toHaveLength(50);
    await db.advance("2 hours");
    const { lost } = await complete(
      db.sql,
      claims,
      old.map(({ lease }) => ({ lease })),
    );
    expect(lost).toHaveLength(50);
    expect(await workAll(claims)).toBe(50);
    for (const { id } of added)
      expect(await jobOf(db.sql, tenant, id)).toMatchObject({ status: "succeeded", attempt: 2 });
  });

  it("ahead ends a wait once, and starts jobs that are due", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "work", delay: 3_600 }, { name: "waits" }]);
    const { lease, id } = await claimOne(db.sql, claims);
    const until = (await db.sql`select (mayfly_private.now() + interval '1 hour')::text as at`)[0]
      ?.at;
    const wait = { step: "end", until };
    await rpc(db.sql, claims, "wait_job", { lease, ...wait });
    expect((await claim(db.sql, claims, 10)).jobs).toEqual([]);
    await db.advance("3 hours");
    const taken = (await claim(db.sql, claims, 10)).jobs;
    expect(taken.map(({ name }) => name).sort()).toEqual(["waits", "work"]);
    const again = taken.find((job) => job.id === id);
    expect(await rpc(db.sql, claims, "wait_job", { lease: again?.lease ?? "", ...wait })).toEqual({
      timeout: true,
    });
    await complete(
      db.sql,
      claims,
      taken.map(({ lease }) => ({ lease })),
    );
  });

  it("back leaves claims and leases working, and new leases have the right length", async () => {
    const { tenant, claims } = await setUp();
    await add(db.sql, claims, [{ name: "held" }]);
    const held = await claimOne(db.sql, claims);
    await db.advance("-10 minutes");
    const [added] = await add(db.sql, claims, [{ name: "work" }]);
    expect(await workAll(claims)).toBe(1);
    expect(await jobOf(db.sql, tenant, added?.id ?? "")).toMatchObject({ status: "succeeded" });
    const beat = await rpc<{ lost: number[] }>(db.sql, claims, "heartbeat_jobs", {
      leases: [held.lease],
    });
    expect(beat.lost).toEqual([]);
    expect(await complete(db.sql, claims, [{ lease: held.lease }])).toMatchObject({ lost: [] });
    // The times of earlier looks, now in the future, do not delay the next look for ended leases.
    await add(db.sql, claims, [{ name: "dies" }]);
    const dies = await claimOne(db.sql, claims, { lease: 10 });
    await db.advance("20 seconds");
    expect(await workAll(claims)).toBe(1);
    expect(
      await codeOf(
        rpc(db.sql, claims, "record_steps", {
          lease: dies.lease,
          steps: [{ name: "late" }] as never,
        }),
      ),
    ).toBe("lease_lost");
  });
});
