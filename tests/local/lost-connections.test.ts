/** The embedded Data API on a Postgres that ends its connections. */
import { Mayfly } from "@mayfly/sdk";
import { expect, it } from "vitest";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { databaseUrl } from "#harness/needs";

it.skipIf(!databaseUrl)(
  "every request is answered, also those that wait for a connection while others end",
  async () => {
    const db = await openPostgresDatabase();
    const local = await startTestLocal({ dbUrl: db.url });
    const tenant = await makeTenant(db.sql);
    const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    const codes: (string | undefined)[] = [];
    for (let blow = 0; blow < 8; blow++) {
      const adds = Array.from({ length: 5 }, () => mayfly.jobs.add("build"));
      await db.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.catch(() => {});
      for (const { error } of await Promise.all(adds)) codes.push(error?.code);
    }
    expect(codes.every((code) => code === undefined || code === "unavailable")).toBe(true);
    expect((await mayfly.jobs.add("build")).error).toBeNull();
    await mayfly.close();
    await local.close();
    await db.close();
  },
  // Less than the minute after which the SDK gives up.
  50_000,
);
