import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
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
import { fillTenant } from "#harness/sweep";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** How many rows each of our tables has for a tenant. */
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

/** Rows that are deleted with one row of a table: vectors, conflicts, versions, deliveries. */
async function fatten(tenant: string, agent: string) {
  await db.sql`
    with made as (
      insert into mayfly.memories (tenant_id, id, task)
      select ${tenant}, gen_random_uuid(), 'a task' from generate_series(1, 200) returning id
    )
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select ${tenant}, 'm' || n, id, array_fill(0.1::real, array[384])::extensions.halfvec(384)
    from made, generate_series(1, 2) n`;
  await db.sql`
    with made as (
      insert into mayfly.messages (tenant_id, id, type, sender_kind, target)
      values (${tenant}, gen_random_uuid(), 'note', 'service', ${db.sql.json({ agent })}) returning id
    )
    insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id)
    select ${tenant}, gen_random_uuid(), 1, id from made, generate_series(1, 500)`;
  await db.sql`
    insert into mayfly.state_versions (tenant_id, state_id, version, action)
    select ${tenant}, s.id, 1000 + n, 'set' from mayfly.states s, generate_series(1, 300) n
    where s.tenant_id = ${tenant} and s.key = 'plan'`;
}

/** Erases, and counts all deleted rows: by statements, foreign keys and triggers. */
async function eraseCounting(claims: Claims, tenant: string, values: Record<string, unknown>) {
  const tables = await db.sql`
    select c.oid::int8::int as oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind = 'r'`;
  const oids = tables.map((row) => row.oid as number);
  return actAs(
    db.sql,
    claims,
    async (session) => {
      // Adds up the deletions that this session has not reported to the server yet.
      const deletedByNow = async () => {
        const [row] = await session`
          select sum(pg_stat_get_xact_tuples_deleted(oid))::int as deleted from unnest(${oids}::oid[]) oid`;
        return row?.deleted as number;
      };
      const before = await deletedByNow();
      const [row] = await session`
        select mayfly.erase_tenant(${values.name as string}, ${values.max_rows as number}) ->> 'erased' = 'true' as erased`;
      return { erased: row?.erased as boolean, deleted: (await deletedByNow()) - before };
    },
    inTenant(tenant),
  );
}

describe("erasing a tenant", () => {
  it("removes every row of the tenant, and no row of another", async () => {
    const [mine, theirs] = [await fillTenant(db.sql), await fillTenant(db.sql)];
    // Later writes report the session's own count, and reset it.
    for (const { tenant } of [mine, theirs])
      await db.sql`insert into mayfly_private.nudges_due (tenant_id, topic, event)
        values (${tenant}, ${`tenant:${tenant}:log`}, 'log_appended')`;
    const before = await rowsOf(theirs.tenant);
    for (const [table, count] of Object.entries(await rowsOf(mine.tenant)))
      expect(count, `${table}: let fillTenant add a row`).toBeGreaterThan(0);

    const name = await nameOf(mine.tenant);
    expect(await erase(mine.owner, mine.tenant, { name })).toEqual({ erased: true });
    expect(new Set(Object.values(await rowsOf(mine.tenant)))).toEqual(new Set([0]));
    expect(await nameOf(mine.tenant)).toBeUndefined();
    expect(await rowsOf(theirs.tenant)).toEqual(before);
  });

  it("takes as many calls as needed, and the first one stops its agents", async () => {
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

  it("deletes no more rows in a call than asked for, whatever refers to them", async () => {
    const { tenant, owner, agent, viewer } = await fillTenant(db.sql);
    const name = await nameOf(tenant);
    await fatten(tenant, agent.id);
    // The tree of agents, in which each row refers to another one.
    let parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
    for (let depth = 0; depth < 4; depth++)
      parent = await makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["agent:spawn"] });
    const before = Object.values(await rowsOf(tenant)).reduce((sum, count) => sum + count, 0);
    expect(before).toBeGreaterThan(1_500);

    const deletions: number[] = [];
    for (let erased = false; !erased; ) {
      const call = await eraseCounting(owner, tenant, { name, max_rows: 50 });
      deletions.push(call.deleted);
      erased = call.erased;
      // The caller stays a member until the end, so that it can continue. Other members are deleted like other rows.
      if (!erased) expect(await rpc(db.sql, owner, "tenant_ids")).toEqual([tenant]);
    }
    // The last call also deletes the tenant and the membership of its caller.
    const last = deletions.pop() as number;
    expect(last).toBeLessThanOrEqual(52);
    expect(new Set(deletions)).toEqual(new Set([50]));
    expect(new Set(Object.values(await rowsOf(tenant)))).toEqual(new Set([0]));
    expect(await rpc(db.sql, viewer, "tenant_ids")).toEqual([]);
  });

  it("is only for owners and the secret key, and needs the name of the tenant", async () => {
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
