/**
 * Marks let a worker skip dead entries while something holds back the oldest snapshot, with several priorities and
 * queues.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { add, claim, claimAny, complete, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

describe("a claim with marks", () => {
  it("reads only after its marks, and a full claim finds late jobs", async () => {
    const { claims } = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    await add(db.sql, claims, [
      { name: "a", input: { n: 1 } },
      { name: "a", input: { n: 2 } },
      { name: "a", input: { n: 3 } },
      { name: "b", priority: 7, input: { n: 4 } },
    ]);
    const first = await claim(db.sql, claims, 2, { queues: ["a"], place: { marks: [] } as never });
    expect(first.jobs.map((job) => job.input.n)).toEqual([1, 2]);
    expect(first.place.marks).toHaveLength(1);

    // One job has a number before the mark, because it committed late. More jobs have other priorities and
    // queues.
    const [late] = await add(db.sql, claims, [{ name: "a", input: { n: 0 } }]);
    await db.sql`update mayfly.jobs set seq = 0 where id = ${late?.id ?? ""}`;
    await add(db.sql, claims, [
      { name: "a", priority: -3, input: { n: 5 } },
      { name: "a", priority: 3, input: { n: 6 } },
      { name: "c", input: { n: 7 } },
    ]);
    const seen: unknown[] = [];
    let { place } = first;
    for (let n = 0; n < 5; n++) {
      const taken = await claim(db.sql, claims, 3, { place: place as never });
      seen.push(...taken.jobs.map((job) => job.input.n));
      place = taken.place;
    }
    expect(seen.toSorted()).toEqual([3, 4, 5, 6, 7]);
    const full = await claim(db.sql, claims, 3, { place: { marks: [] } as never });
    expect(full.jobs.map((job) => job.input.n)).toEqual([0]);
  });

  it("comes to an end, whatever numbers its marks have", async () => {
    const tenant = await makeWorkTenant(db.sql);
    const { claims } = await makeWorker(db.sql, tenant);
    await add(db.sql, claims, [{ name: "a" }, { name: "b" }]);
    const marks = [0, -5, 9_000_000_000].map((seq, at) => [
      tenant,
      `${"abc"[at]}/${"abc"[at]}`,
      0,
      seq,
    ]);
    const { jobs } = await claim(db.sql, claims, 5, { place: { marks } as never });
    expect(jobs.map(({ name }) => name).sort()).toEqual(["a", "b"]);
    expect((await claimAny(db.sql, 5, { place: { marks } as never })).jobs).toEqual([]);
  });
});

it.skipIf(!databaseUrl)(
  "a queue under load leaves no dead rows after one vacuum, once nobody holds the oldest snapshot",
  async () => {
    const { claims } = await makeWorker(db.sql, await makeWorkTenant(db.sql));
    const deadRows = async () => {
      await db.sql`vacuum mayfly.jobs`;
      const [row] = await db.sql`select pg_stat_get_dead_tuples('mayfly.jobs'::regclass)::int as n`;
      return row?.n as number;
    };
    const holder = await db.sql.reserve();
    await holder.unsafe("begin isolation level repeatable read; select 1");
    for (let round = 0; round < 4; round++) {
      await add(
        db.sql,
        claims,
        Array.from({ length: 50 }, () => ({ name: "short" })),
      );
      const { jobs } = await claim(db.sql, claims, 50);
      await complete(db.sql, claims, jobs);
    }
    // Each job was inserted, claimed and deleted, and the rows stay because the holder may still see them.
    expect(await deadRows()).toBeGreaterThanOrEqual(200);
    await holder.unsafe("commit");
    holder.release();
    expect(await deadRows()).toBe(0);
  },
);
