import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { objectsOf } from "../../scripts/sql/objects.ts";
import { readSources } from "../../scripts/sql/releases.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const ours = "n.nspname in ('mayfly', 'mayfly_private')";

describe("the catalog", () => {
  it("has row-level security on every table of both schemas", async () => {
    const without = await db.sql.unsafe(
      `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where ${ours} and c.relkind in ('r', 'p') and not c.relrowsecurity`,
    );
    expect(without.map((row) => row.relname)).toEqual([]);
  });

  it("lets a role execute a function only if the function's file grants it", async () => {
    const granted = new Map<string, string[]>();
    for (const { text } of await readSources(join(import.meta.dirname, "../..")))
      for (const object of objectsOf([{ file: "", text }])) {
        if (object.key.startsWith("function ")) granted.set(object.key, []);
        const [, roles] = /^grant execute on function \S+ to (.+)$/.exec(object.key) ?? [];
        if (roles) granted.set(object.about, roles.split(", ").sort());
      }
    granted.delete("function mayfly_gate.check_request");
    const rows = await db.sql.unsafe(
      `select format('function %s.%s', n.nspname, p.proname) as name,
         array(select case a.grantee when 0 then 'public' else a.grantee::regrole::text end
           from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
           where a.grantee <> p.proowner order by 1) as roles
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours}`,
    );
    const found = Object.fromEntries(rows.map((row) => [row.name, row.roles]));
    expect(found).toEqual(Object.fromEntries(granted));
  });

  it("has an empty search_path in every function", async () => {
    const rows = await db.sql.unsafe(
      `select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where ${ours} and not coalesce('search_path=""' = any (p.proconfig), false)`,
    );
    expect(rows.map((row) => row.name)).toEqual([]);
  });

  it("orders all tables of a tenant by their foreign keys, so that they can be erased and exported", async () => {
    const rows =
      await db.sql`select place, relation::text as name, key from mayfly_private.tenant_tables()`;
    const places = new Map(rows.map((row) => [row.name as string, row.place as number]));
    const tables = await db.sql.unsafe(
      `select c.oid::regclass::text as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where ${ours} and c.relkind in ('r', 'p') order by 1`,
    );
    expect([...places.keys()].sort()).toEqual(tables.map((row) => row.name).sort());
    const references = await db.sql.unsafe(
      `select f.conname, f.conrelid::regclass::text as child, f.confrelid::regclass::text as parent
       from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
       where ${ours} and f.contype = 'f' and f.conrelid <> f.confrelid`,
    );
    const placeOf = (name: string) => places.get(name) ?? 0;
    expect(references.filter(({ child, parent }) => placeOf(child) <= placeOf(parent))).toEqual([]);
    expect(rows.filter((row) => (row.key as string[]).length === 0)).toEqual([]);
  });

  it("has every function and table that a room registers", async () => {
    const rows = await db.sql`
      select name, signature, to_regprocedure(signature) is not null as there, volatile, result
      from (
        select 'chore ' || name as name, work as signature, true as volatile, 'jsonb' as result from mayfly_private.chores
        union all select 'topic ' || name, rule, false, 'boolean' from mayfly_private.topics
        union all select 'usage ' || name, work, false, 'jsonb' from mayfly_private.usage_counts
        union all select 'nudge ' || event, payload, false, 'jsonb' from mayfly_private.nudge_kinds
        union all select 'hearing ' || event, heard, false, 'boolean' from mayfly_private.nudge_kinds where heard is not null
        union all select 'rows of ' || entity, work, true, 'jsonb' from mayfly_private.event_rows
        union all select 'operation ' || type, work, true, 'integer' from mayfly_private.operation_types
        union all select 'operation ' || type, work, true, 'integer' from mayfly_private.operation_types
        union all select 'rows of ' || entity, work, false, 'jsonb' from mayfly_private.event_rows
      ) registered
      where not exists (
        select from pg_proc p
        where p.oid = to_regprocedure(signature) and p.prorettype = result::regtype and (volatile or p.provolatile <> 'v'))`;
    expect([...rows]).toEqual([]);
    const charged = await db.sql`
      select relation from mayfly_private.charges where relation <> coalesce(to_regclass(relation)::text, '')`;
    expect([...charged]).toEqual([]);
  });

  it("has definer functions only in mayfly_private", async () => {
    const rows = await db.sql`
      select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'mayfly' and p.prosecdef`;
    expect(rows.map((row) => row.proname)).toEqual([]);
  });

  it("gives anon nothing", async () => {
    const rows = await db.sql`
      select has_schema_privilege('anon', 'mayfly', 'usage') as mayfly,
        has_schema_privilege('anon', 'mayfly_private', 'usage') as private`;
    expect(rows[0]).toEqual({ mayfly: false, private: false });
  });

  it("has a comment on every table and function that is exposed", async () => {
    const rows = await db.sql`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'mayfly' and obj_description(p.oid, 'pg_proc') is null
      union all
      select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'mayfly' and c.relkind in ('r', 'v', 'p') and obj_description(c.oid, 'pg_class') is null`;
    expect(rows.map((row) => row.name)).toEqual([]);
  });

  it("calls the policies' functions once per statement, not once per row", async () => {
    const tenant = await makeTenant(db.sql);
    const agent = await makeAgent(db.sql, tenant);
    const tables = await db.sql`
      select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'mayfly' and c.relkind = 'r' and c.relname not in ('scopes', 'event_kinds', 'model_names', 'model_prices')`;
    for (const { name } of tables) {
      const plan = await actAs(db.sql, agent.claims, (session) =>
        session.unsafe(`explain (verbose) select * from ${name as string}`),
      );
      const lines = plan.map((row) => row["QUERY PLAN"] as string);
      const filter = lines.filter((line) => /Filter|Index Cond/.test(line)).join("\n");
      expect(lines.join("\n"), `${name}`).toContain("InitPlan");
      expect(filter, `${name}`).not.toMatch(/tenant_ids\(|own_agent_ids\(|caller_id\(/);
    }
  });

  it("has an index that begins with the columns of each foreign key", async () => {
    const rows = await db.sql.unsafe(
      `select f.conname from pg_constraint f
       join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
       where ${ours} and f.contype = 'f' and not exists (
         select from pg_index i
         where i.indrelid = f.conrelid and i.indpred is null
           and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)`,
    );
    expect(rows.map((row) => row.conname)).toEqual([]);
  });

  it("has the tenant in every primary key, and in every foreign key between tables of a tenant", async () => {
    const tables = await db.sql.unsafe(
      `select c.oid::regclass::text as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where ${ours} and c.relkind = 'r' and not exists (
         select from pg_constraint k
         where k.conrelid = c.oid and k.contype = 'p' and k.conkey[1] = a.attnum)`,
    );
    // These tables do without the tenant in their key: a hash identifies its owner by itself, and only the
    // owner of the database reads the tables.
    expect(tables.map((row) => row.name).sort()).toEqual([
      "mayfly_private.enrolment_secrets",
      "mayfly_private.invitation_secrets",
      "mayfly_private.renewal_secrets",
    ]);
    const keys = await db.sql.unsafe(
      `select f.conname from pg_constraint f
       join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_class r on r.oid = f.confrelid join pg_namespace rn on rn.oid = r.relnamespace
       where ${ours} and f.contype = 'f' and rn.nspname in ('mayfly', 'mayfly_private')
         and not exists (
           select from pg_attribute a
           where a.attrelid = f.conrelid and a.attnum = any (f.conkey) and a.attname = 'tenant_id')`,
    );
    expect(keys.map((row) => row.conname)).toEqual([]);
  });

  it("has at most one permissive policy for each table and command, always for authenticated", async () => {
    const rows = await db.sql`
      select schemaname || '.' || tablename as name, cmd, array_agg(roles::text) as roles, count(*)::int as policies
      from pg_policies where schemaname in ('mayfly', 'mayfly_private') group by 1, 2`;
    expect(rows.filter((row) => row.policies > 1 || row.cmd === "ALL")).toEqual([]);
    expect(new Set(rows.flatMap((row) => row.roles as string[]))).toEqual(
      new Set(["{authenticated}"]),
    );
  });

  it("has only views that run as their reader", async () => {
    const rows = await db.sql.unsafe(
      `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where ${ours} and c.relkind in ('v', 'm')
         and not coalesce('security_invoker=true' = any (c.reloptions), false)`,
    );
    expect(rows.map((row) => row.relname)).toEqual([]);
  });
});
