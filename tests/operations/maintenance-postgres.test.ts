import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

describe.skipIf(!databaseUrl)("maintenance of every tenant, in concurrent sessions", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  /** A tenant with one expired memory. */
  const makeSpent = async () => {
    const tenant = await makeTenant(db.sql);
    await db.sql`
      insert into mayfly.memories (tenant_id, id, task, expires_at)
      values (${tenant}, gen_random_uuid(), 'a task', now() - interval '1 day')`;
    return tenant;
  };
  const livingOf = async (tenants: string[]) => {
    const rows = await db.sql`
      select tenant_id from mayfly.memories where tenant_id = any (${tenants}) and deleted_at is null`;
    return rows.map((row) => row.tenant_id as string);
  };

  it("skips a tenant that another session maintains, and waits for nobody", async () => {
    const [held, free] = [await makeSpent(), await makeSpent()];
    await db.sql.begin(async (other) => {
      await other`select from mayfly_private.maintenance where tenant_id = ${held} for update`;
      await db.sql`select mayfly_private.maintain_all()`;
    });
    expect(await livingOf([held, free])).toEqual([held]);
  });

  it("is run by pg_cron, with a commit after each batch", async () => {
    const file = await readFile(
      join(import.meta.dirname, "../../sql/operations/schedules.sql"),
      "utf8",
    );
    const job = /'mayfly-maintain'.*?\$job\$(.*?)\$job\$/s.exec(file)?.[1] ?? "";
    expect(job).toContain("commit");
    const tenants = await Promise.all(Array.from({ length: 60 }, makeSpent));
    const poisoned = tenants[0] as string;
    await db.sql`update mayfly.memories set version = 2000000001 where tenant_id = ${poisoned}`;
    await db.sql.unsafe(job).simple();
    expect(await livingOf(tenants)).toEqual([poisoned]);
    const [row] = await db.sql`
      select count(distinct xmin::text)::int as transactions from mayfly.memories
      where tenant_id = any (${tenants}) and deleted_at is not null`;
    expect(row?.transactions).toBeGreaterThan(1);
  });
});
