import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { fillTenant } from "../invariants/sweep.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** How many rows each table of ours has of a tenant. */
async function rowsOf(tenant: string) {
  const tables = await db.sql`
    select c.oid::regclass::text as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p')`;
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await db.sql.unsafe(
      `select count(*)::int as count from ${name} where tenant_id = '${tenant}'`,
    );
    counts[name as string] = row?.count as number;
  }
  return counts;
}
const nameOf = async (tenant: string) => {
  const [row] = await db.sql`select name from mayfly.tenants where id = ${tenant}`;
  return row?.name as string | undefined;
};
const erase = (claims: Claims, tenant: string, values: Record<string, unknown>) =>
  rpc<{ erased: boolean }>(db.sql, claims, "erase_tenant", values, inTenant(tenant));

describe("erasing a tenant", () => {
  it("removes every row of it and none of another", async () => {
    const [mine, theirs] = [await fillTenant(db.sql), await fillTenant(db.sql)];
    const before = await rowsOf(theirs.tenant);
    for (const [table, count] of Object.entries(await rowsOf(mine.tenant)))
      expect(count, `${table}: give fillTenant a row of it`).toBeGreaterThan(0);

    const name = await nameOf(mine.tenant);
    expect(await erase(mine.owner, mine.tenant, { name })).toEqual({ erased: true });
    expect(new Set(Object.values(await rowsOf(mine.tenant)))).toEqual(new Set([0]));
    expect(await nameOf(mine.tenant)).toBeUndefined();
    expect(await rowsOf(theirs.tenant)).toEqual(before);
  });

  it("goes on in as many calls as it takes, its agents stopped by the first", async () => {
    const { tenant, owner, agent } = await fillTenant(db.sql);
    const name = await nameOf(tenant);
    let calls = 1;
    let { erased } = await erase(owner, tenant, { name, max_rows: 4 });
    expect(erased).toBe(false);
    expect(await rpc(db.sql, agent.claims, "tenant_ids")).toEqual([]);
    for (; !erased; calls++) ({ erased } = await erase(owner, tenant, { name, max_rows: 4 }));
    expect(calls).toBeGreaterThan(2);
    expect(new Set(Object.values(await rowsOf(tenant)))).toEqual(new Set([0]));
  });

  it("is for its owners and the secret key, by its name", async () => {
    const tenant = await makeTenant(db.sql);
    const name = await nameOf(tenant);
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const agent = await makeAgent(db.sql, tenant);
    expect(await codeOf(erase(admin, tenant, { name }))).toBe("role_missing");
    expect(await codeOf(erase(agent.claims, tenant, { name }))).toBe("scope_missing");
    expect(await codeOf(erase(owner, tenant, { name: "another" }))).toBe("invalid_request");
    expect(await erase(serviceRole, tenant, { name })).toEqual({ erased: true });
  });

  it("can also be a plain delete in the SQL editor", async () => {
    const { tenant } = await fillTenant(db.sql);
    await db.sql`delete from mayfly.tenants where id = ${tenant}`;
    expect(new Set(Object.values(await rowsOf(tenant)))).toEqual(new Set([0]));
  });
});
