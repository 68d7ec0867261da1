import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPgliteDatabase, type TestDatabase } from "#harness/database";
import { inSession } from "../../../local/src/api/session.ts";
import { type SlowWay, startSlowWay } from "../../invariants/chaos/delay.ts";

let db: TestDatabase;
let way: SlowWay;
let pool: postgres.Sql;
beforeAll(async () => {
  db = await openPgliteDatabase();
  way = await startSlowWay(db.url, 0);
  pool = postgres(way.url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await pool.end({ timeout: 1 });
  await way.close();
  await db.close();
});

describe("a request whose connection to the database is lost", () => {
  it("fails by itself: neither the process nor the next request does", async () => {
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
