import type postgres from "postgres";

/** The catalog that the migrations make, one line for each object: equal lines mean equal catalogs. */
export async function catalogOf(sql: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  const objects = (await sql.unsafe(catalogQuery)).map((row) => row.line as string);
  const tables = await sql.unsafe(seededTables);
  const rows: string[] = [];
  for (const { name } of tables)
    for (const { row } of await sql.unsafe(`select to_jsonb(t)::text as row from ${name} t`))
      rows.push(`row ${name} ${row}`);
  return [...objects, ...rows].sort();
}

/**
 * The tables with rows that the migrations write: those without a column `tenant_id`. Leaves out `tenants`, and
 * tables in which the running database writes about itself.
 */
const seededTables = `
  select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('mayfly', 'mayfly_private') and c.relkind = 'r'
    and c.relname not in ('tenants', 'epochs', 'flusher')
    and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
  order by 1`;

/** Every object of ours with its definition, one line for each. */
const catalogQuery = `
  with ours as (
    select oid, nspname, nspacl from pg_namespace where nspname in ('mayfly', 'mayfly_private', 'mayfly_gate')
  ), relations as (
    select c.*, format('%s.%s', n.nspname, c.relname) as name from pg_class c join ours n on n.oid = c.relnamespace
  )
  select line from (
    select format('schema %s %s', nspname, nspacl) as line from ours
    union all
    select format('table %s %s %s %s %s %s %s %s', name, relkind, relpersistence, relrowsecurity, relforcerowsecurity,
      relreplident, reloptions, relacl)
    from relations where relkind in ('r', 'p', 'v', 'm')
    union all
    select format('view %s %s', name, pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
    union all
    select format('column %s.%s %s %s not null: %s default: %s %s %s %s %s %s', r.name, a.attname,
      -- Its place among the columns that were not dropped, so that an upgraded table equals a new one.
      row_number() over (partition by r.oid order by a.attnum),
      format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
      a.attcollation, a.attacl, a.attstattarget)
    from relations r join pg_attribute a on a.attrelid = r.oid left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and r.relkind in ('r', 'p', 'v', 'm', 'c')
    union all
    select format('type %s.%s %s %s %s', n.nspname, t.typname, t.typtype, pg_catalog.format_type(t.typbasetype, t.typtypmod),
      (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
    from pg_type t join ours n on n.oid = t.typnamespace
    where t.typelem = 0 and (t.typrelid = 0 or exists (select from relations r where r.oid = t.typrelid and r.relkind = 'c'))
    union all
    select format('sequence %s %s %s %s %s %s %s %s', r.name, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin,
      s.seqmax, s.seqcycle, r.relacl)
    from pg_sequence s join relations r on r.oid = s.seqrelid
    union all
    select format('index %s %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid, (
      select string_agg(format('%s:%s', a.attnum, a.attstattarget), ' ' order by a.attnum) from pg_attribute a
      where a.attrelid = i.indexrelid and a.attstattarget is not null))
    from pg_index i join relations r on r.oid = i.indrelid
    union all
    select format('constraint %s on %s %s %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid), k.convalidated)
    from pg_constraint k join ours n on n.oid = k.connamespace
    union all
    select format('function %s %s', pg_get_functiondef(p.oid), p.proacl) from pg_proc p
    join ours n on n.oid = p.pronamespace
    union all
    select format('policy %s.%s %s %s %s %s %s %s', schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check)
    from pg_policies where schemaname in ('mayfly', 'mayfly_private') or policyname like 'mayfly%'
    union all
    select format('trigger %s %s', pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger t
    join relations r on r.oid = t.tgrelid where not t.tgisinternal
    union all
    select format('comment on %s %s: %s', o.type, o.identity, d.description)
    from pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    where o.identity ~ '\\m(mayfly|mayfly_private|mayfly_gate)\\M'
    union all
    select format('default privileges %s %s %s', defaclnamespace::regnamespace, defaclobjtype, defaclacl) from pg_default_acl
    where defaclnamespace in (select oid from ours)
  ) lines`;
