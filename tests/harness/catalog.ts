import type postgres from "postgres";

/** What the migrations make, a line each: equal lines, equal catalogs. */
export async function catalogOf(sql: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  const objects = await sql.unsafe(catalogQuery);
  return [...objects.map((row) => row.line as string), ...(await seedRows(sql))];
}

/**
 * Every object of ours with its definition, a line each: also defaults, NOT NULL, places of columns,
 * comments, composite types, sequences, roles of policies, settings of tables, schemas and their grants.
 */
const catalogQuery = `
  with
    ours as (select oid, nspname, nspacl from pg_namespace where nspname in ('mayfly', 'mayfly_private', 'mayfly_gate')),
    relations as (
      select c.oid, c.relkind, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions, n.nspname
      from pg_class c join ours n on n.oid = c.relnamespace),
    -- Without what was dropped: a column that an upgrade adds stands where the sources have it.
    columns as (
      select r.nspname, r.relname, r.relkind, a.*, row_number() over (partition by a.attrelid order by a.attnum) as place
      from pg_attribute a join relations r on r.oid = a.attrelid
      where a.attnum > 0 and not a.attisdropped and r.relkind in ('r', 'v', 'c')),
    commented (kind, name, classoid, objoid, objsubid) as (
      select 'schema', n.nspname::text, 'pg_namespace'::regclass, n.oid, 0 from ours n
      union all select 'relation', format('%s.%s', nspname, relname), 'pg_class'::regclass, oid, 0 from relations
      union all select 'column', format('%s.%s.%s', nspname, relname, attname), 'pg_class'::regclass, attrelid, attnum from columns
      union all select 'function', p.oid::regprocedure::text, 'pg_proc'::regclass, p.oid, 0 from pg_proc p join ours n on n.oid = p.pronamespace
      union all select 'type', t.oid::regtype::text, 'pg_type'::regclass, t.oid, 0 from pg_type t join ours n on n.oid = t.typnamespace
      union all select 'constraint', k.conname, 'pg_constraint'::regclass, k.oid, 0 from pg_constraint k join ours n on n.oid = k.connamespace
      union all select 'policy', format('%s on %s', p.polname, p.polrelid::regclass), 'pg_policy'::regclass, p.oid, 0
        from pg_policy p join relations r on r.oid = p.polrelid
      union all select 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass), 'pg_trigger'::regclass, t.oid, 0
        from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal)
  select line from (
    select format('schema %s %s', nspname, nspacl) as line from ours
    union all
    select format('table %s.%s %s %s %s %s %s', nspname, relname, relkind, relrowsecurity, relforcerowsecurity, relacl, reloptions)
    from relations where relkind in ('r', 'v')
    union all
    select format('column %s.%s %s %s %s %s %s not null %s default %s generated %s identity %s', nspname, relname, place, attname,
      format_type(atttypid, atttypmod), attacl, attstattarget, attnotnull,
      (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = attrelid and d.adnum = attnum),
      attgenerated, attidentity)
    from columns
    union all
    select format('sequence %s.%s %s', r.nspname, r.relname, to_jsonb(s) - 'seqrelid') from pg_sequence s join relations r on r.oid = s.seqrelid
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i
    join pg_class c on c.oid = i.indrelid join ours n on n.oid = c.relnamespace
    union all
    select format('constraint %s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k
    join ours n on n.oid = k.connamespace
    union all
    select format('function %s %s', pg_get_functiondef(p.oid), p.proacl) from pg_proc p
    join ours n on n.oid = p.pronamespace
    union all
    select format('policy %s.%s %s %s %s %s %s %s', schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check)
    from pg_policies where schemaname in ('mayfly', 'mayfly_private') or policyname like 'mayfly%'
    union all
    select format('trigger %s %s', pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger t
    join pg_class c on c.oid = t.tgrelid join ours n on n.oid = c.relnamespace where not t.tgisinternal
    union all
    select format('comment on %s %s: %s', c.kind, c.name, d.description)
    from commented c join pg_description d on (d.classoid, d.objoid, d.objsubid) = (c.classoid, c.objoid, c.objsubid)
  ) lines order by line collate "C"`;

/** They hold what happened in this database, and no row comes with a release. */
const ofTheDatabase = ["mayfly_private.epochs", "mayfly_private.flusher", "mayfly.tenants"];

/** The rows that come with a release: those of the tables that belong to no tenant. */
async function seedRows(sql: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  const tables = await sql.unsafe(`
    select format('%s.%s', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('mayfly', 'mayfly_private', 'mayfly_gate') and c.relkind = 'r'
      and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
    order by 1`);
  const lines: string[] = [];
  for (const { name } of tables) {
    if (ofTheDatabase.includes(name as string)) continue;
    const rows = await sql.unsafe(
      `select to_jsonb(t)::text as row from ${name} t order by to_jsonb(t)::text collate "C"`,
    );
    lines.push(...rows.map(({ row }) => `row of ${name}: ${row}`));
  }
  return lines;
}
