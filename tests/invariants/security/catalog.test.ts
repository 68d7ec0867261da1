import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPgliteDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
beforeAll(async () => {
  db = await openPgliteDatabase();
});
afterAll(() => db.close());

const ours = "n.nspname in ('mayfly', 'mayfly_private')";
const namesOf = async (query: string) => (await db.sql.unsafe(query)).map((row) => row.name);

/** Rights on tables, views and sequences, as `role: object: right`. */
const rightsOf = (role: string, schema: string) =>
  namesOf(`
    select c.oid::regclass || ' ' || privilege as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace,
      unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege
    where n.nspname = '${schema}' and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_table_privilege('${role}', c.oid, privilege)
    union all
    select c.oid::regclass || ' ' || privilege
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array['usage', 'select', 'update']) privilege
    where n.nspname = '${schema}' and c.relkind = 'S' and has_sequence_privilege('${role}', c.oid, privilege)
    order by 1`);

describe("access to the schemas", () => {
  it("is nothing for anon: no table, column, sequence or function of either schema", async () => {
    for (const schema of ["mayfly", "mayfly_private"])
      expect(await rightsOf("anon", schema)).toEqual([]);
    const callable = await namesOf(`
      select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${ours} and has_function_privilege('anon', p.oid, 'execute')`);
    expect(callable).toEqual([]);
  });

  it("includes no table or sequence of mayfly_private for callers of the Data API", async () => {
    for (const role of ["authenticated", "service_role", "authenticator"])
      expect(await rightsOf(role, "mayfly_private"), role).toEqual([]);
  });

  it("is limited to reading in mayfly, even for the secret key", async () => {
    for (const role of ["authenticated", "service_role", "authenticator"]) {
      const rights = await rightsOf(role, "mayfly");
      expect(
        rights.filter((right) => !right.endsWith(" select")),
        role,
      ).toEqual([]);
    }
  });

  it("includes writing only for the owner, with no grant on a table, a column or a sequence", async () => {
    const granted = await namesOf(`
      select format('%s %s to %s', acl.privilege_type, object.name, coalesce(pg_get_userbyid(nullif(acl.grantee, 0)), 'public')) as name
      from (
        select c.oid::regclass::text as name, c.relowner as owner, c.relacl as acl
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where ${ours} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select format('%s.%s', c.oid::regclass, a.attname), c.relowner, a.attacl
        from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
        where ${ours}) object, aclexplode(object.acl) acl
      where acl.grantee <> object.owner and acl.privilege_type <> 'SELECT' order by 1`);
    expect(granted).toEqual([]);
  });

  it("includes nothing by default in new objects, whoever creates them", async () => {
    const granted = await namesOf(`
      select format('%s %s', d.defaclobjtype, d.defaclacl) as name
      from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace where ${ours}`);
    expect(granted).toEqual([]);
  });

  it("has policies only for reading", async () => {
    const policies = await namesOf(`
      select format('%s on %s.%s for %s', policyname, schemaname, tablename, cmd) as name from pg_policies
      where schemaname in ('mayfly', 'mayfly_private') and cmd <> 'SELECT'`);
    expect(policies).toEqual([]);
  });

  it("does not include creating objects in a schema on a function's search path", async () => {
    for (const role of ["anon", "authenticated", "service_role", "authenticator"]) {
      const schemas = await namesOf(`
        select nspname as name from pg_namespace n
        where (nspname in ('public', 'extensions', 'auth', 'realtime') or ${ours})
          and has_schema_privilege('${role}', oid, 'create')`);
      expect(schemas, role).toEqual([]);
    }
  });

  it("does not include later objects until they are granted", async () => {
    const undo = new Error("undo");
    await db.sql
      .begin(async (sql) => {
        await sql.unsafe("set local role postgres");
        await sql.unsafe(`create table mayfly.later (tenant_id uuid primary key);
          create table mayfly_private.later (tenant_id uuid primary key)`);
        const rows = await sql.unsafe(`
          select role, t from unnest(array['anon', 'authenticated', 'service_role']) role,
            unnest(array['mayfly.later', 'mayfly_private.later']) t
          where has_table_privilege(role, t, 'select, insert, update, delete')`);
        expect([...rows]).toEqual([]);
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
  });
});

describe("the definer functions", () => {
  it("belong to one role that is not a superuser, like everything else", async () => {
    const owners = await namesOf(`
      select distinct pg_get_userbyid(p.proowner) as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours}
      union select distinct pg_get_userbyid(c.relowner) from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${ours}`);
    expect(owners).toEqual(["postgres"]);
    const [row] = await db.sql`select rolsuper from pg_roles where rolname = 'postgres'`;
    expect(row?.rolsuper).toBe(false);
  });

  it("check who is calling if a client can call them", async () => {
    const asks =
      /require_tenant|require_role|caller\(|caller_id\(|tenant_ids\(|lock_agent\(|lock_state\(|lock_member\(|own_channel\(|open_spawn\(|acting_role\(|request\.jwt\.claims|sees_agent\(|auth\.uid\(|fence_job\(|job_holder\(|held_run\(|claiming_worker\(/;
    const rows = await db.sql.unsafe(`
      select p.proname as name, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as source
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${ours} and p.prosecdef and has_function_privilege('authenticated', p.oid, 'execute')
        and p.prorettype <> 'trigger'::regtype order by 1`);
    expect(rows.length).toBeGreaterThan(20);
    const silent = rows.filter((row) => !asks.test(row.source as string)).map((row) => row.name);
    // The policy for topics calls the rule of the topic, and that rule checks the caller.
    expect(
      silent,
      "definer functions that a client may call and that do not check the caller",
    ).toEqual(["may_use_topic"]);
  });

  it("build no SQL from texts, only from constants and quoted names", async () => {
    const rows = await db.sql.unsafe(`
      select p.proname as name, p.prosrc as source from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${ours} and p.prosrc ~* '\\mexecute\\M'`);
    const built = rows.flatMap(({ name, source }) =>
      [...(source as string).matchAll(/\bexecute\s+(?!on\b)([^;]*)/gi)]
        .map(([, given = ""]) => given.split(/\busing\b/i)[0] ?? "")
        .map((given) =>
          given.replace(/\$(?:read|sql)\$.*?\$(?:read|sql)\$|'(?:[^']|'')*'/gs, (text) =>
            /%s/.test(text) ? "%s" : "",
          ),
        )
        .filter((given) => /\|\||%s/.test(given))
        .map(() => name),
    );
    // Names from the catalog, each quoted or resolved, and names that rooms registered, which only the owner writes.
    // Texts are passed as parameters.
    expect(built.sort()).toEqual([
      "erase_tenant",
      "flush_nudges",
      "flush_nudges",
      "forget_log",
      "maintain_tenant",
      "may_use_topic",
      "push",
      "read_log",
      "recount_usage",
      "set_dimensions",
      "set_dimensions",
      "usage",
    ]);
  });

  it("write for callers, because invoker functions cannot", async () => {
    const rows = await namesOf(`
      select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${ours} and not p.prosecdef
        and (has_function_privilege('authenticated', p.oid, 'execute') or has_function_privilege('service_role', p.oid, 'execute'))
        and coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) ~* '(insert\\s+into|update|delete\\s+from)\\s+mayfly'`);
    expect(rows).toEqual([]);
  });

  it("of mayfly_private can be called only where an invoker or a policy calls them", async () => {
    for (const role of ["authenticated", "service_role"]) {
      const bodies = await namesOf(`
        select coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as name
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where ${ours} and not p.prosecdef and has_function_privilege('${role}', p.oid, 'execute')
        union all
        select concat(qual, ' ', with_check) from pg_policies
        where schemaname in ('mayfly', 'mayfly_private', 'realtime') and '${role}' = 'authenticated'
        union all
        -- The policies of storage.objects, which are there only where Storage is.
        select (regexp_match(p.prosrc, 'create policy.*', 's'))[1] from pg_proc p
        where p.proname = 'prepare_storage' and '${role}' = 'authenticated'`);
      const called = new Set(
        bodies.flatMap((body) =>
          [...(body as string).matchAll(/mayfly_private\.(\w+)\(/g)].map(([, name]) => name),
        ),
      );
      const callable = await namesOf(`
        select distinct p.proname as name from pg_proc p
        where p.pronamespace = 'mayfly_private'::regnamespace and has_function_privilege('${role}', p.oid, 'execute')`);
      expect(callable.length).toBeGreaterThan(20);
      expect(callable.filter((name) => !called.has(name as string)).sort(), role).toEqual([]);
      expect([...called].filter((name) => !callable.includes(name)).sort(), role).toEqual([]);
    }
  });

  it("that triggers call can be called by nobody else", async () => {
    const rows = await namesOf(`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${ours} and p.prorettype = 'trigger'::regtype
        and (has_function_privilege('authenticated', p.oid, 'execute') or has_function_privilege('anon', p.oid, 'execute'))`);
    expect(rows).toEqual([]);
  });
});

describe("the database around the tables", () => {
  it("includes no publication, which would send changes past the policies", async () => {
    const rows = await namesOf(`
      select schemaname || '.' || tablename as name from pg_publication_tables
      where schemaname in ('mayfly', 'mayfly_private')`);
    expect(rows).toEqual([]);
  });

  it("includes no policy on realtime.messages except for signed-in callers", async () => {
    const rows = await db.sql`
      select policyname, cmd, roles::text from pg_policies where schemaname = 'realtime' and tablename = 'messages'`;
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row.roles, row.policyname).toBe("{authenticated}");
      expect(["SELECT", "INSERT"], row.policyname).toContain(row.cmd);
    }
  });

  it("includes no view that runs as its owner, and no rule", async () => {
    const views = await namesOf(`
      select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where ${ours} and c.relkind in ('v', 'm') and not coalesce('security_invoker=true' = any (c.reloptions), false)`);
    const rules = await namesOf(`
      select rulename as name from pg_rules where schemaname in ('mayfly', 'mayfly_private')`);
    expect([...views, ...rules]).toEqual([]);
  });
});
