import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPgliteDatabase, openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { inSession } from "../../../local/src/api/session.ts";
import { withSafeReserve } from "../../../local/src/db/safe-reserve.ts";
import { type SlowWay, startSlowWay } from "../../invariants/chaos/delay.ts";

let db: TestDatabase;
let way: SlowWay;
let pool: postgres.Sql;
beforeAll(async () => {
  db = await openPgliteDatabase();
  way = await startSlowWay(db.url, 0);
  pool = withSafeReserve(postgres(way.url, { max: 1, onnotice: () => {} }));
});
afterAll(async () => {
  await pool.end({ timeout: 1 });
  await way.close();
  await db.close();
});

describe("a request that loses its connection to the database", () => {
  it("fails alone, and the process and the next request work", async () => {
    for (let time = 0; time < 3; time++) {
      const lost = inSession(
        pool,
        "begin",
        async (connection) => {
          const asked = connection.unsafe("select pg_sleep(0.2)");
          setTimeout(() => way.cut(), 20);
          return asked;
        },
        () => true,
      );
      await expect(lost).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
      const next = await inSession(
        pool,
        "begin",
        async (connection) => [...(await connection.unsafe("select 1 as one"))],
        () => true,
      );
      expect(next.result).toEqual([{ one: 1 }]);
    }
  });
});

describe.skipIf(!databaseUrl)("a pool with connections that the database ends", () => {
  const max = 2;
  let real: TestDatabase;
  let own: postgres.Sql;
  beforeAll(async () => {
    real = await openPostgresDatabase();
    own = withSafeReserve(postgres(real.url, { max, onnotice: () => {}, fetch_types: false }));
  });
  afterAll(async () => {
    await own?.end({ timeout: 1 });
    await real?.close();
  });

  const one = (connection: Pick<postgres.Sql, "unsafe">) =>
    connection.unsafe<{ pid: number }[]>("select pg_backend_pid() as pid");
  const endIt = async (connection: Pick<postgres.Sql, "unsafe">) => {
    const [row] = await one(connection);
    await real.sql`select pg_terminate_backend(${row?.pid ?? 0}, 10000)`;
  };

  it("lends connections up to its limit, and lends more once some are returned", async () => {
    const [first, second] = [await own.reserve(), await own.reserve()];
    const third = own.reserve();
    const pids = (await Promise.all([one(first), one(second)])).map(([row]) => row?.pid);
    expect(new Set(pids).size).toBe(max);
    first.release();
    expect((await one(await third))[0]?.pid).toBe(pids[0]);
    (await third).release();
    second.release();
  });

  it("continues, however often a connection ends in the middle of a statement", async () => {
    for (let time = 0; time <= max; time++) {
      const slow = inSession(
        own,
        "begin",
        async (connection) => {
          const [row] = await one(connection);
          const sleep = connection.unsafe("select pg_sleep(60)").execute();
          sleep.catch(() => {});
          await real.sql`select pg_terminate_backend(${row?.pid ?? 0}, 10000)`;
          return sleep;
        },
        () => true,
      );
      await expect(slow).rejects.toMatchObject({
        code: expect.stringMatching(/^(CONNECTION_CLOSED|ECONNRESET)$/),
      });
    }
    const next = await own.reserve();
    expect(await one(next)).toHaveLength(1);
    next.release();
  });

  it("does nothing outside of a transaction that has ended with its connection", async () => {
    await real.sql`create table public.kept (n integer)`;
    const lost = own.begin(async (connection) => {
      await endIt(connection);
      await connection`insert into public.kept values (1)`;
    });
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await own.begin((connection) => connection`insert into public.kept values (2)`);
    expect([...(await real.sql`select n from public.kept`)]).toEqual([{ n: 2 }]);
  });
});
