import type postgres from "postgres";

/** What the migrations make, a line each: equal lines, equal catalogs. */
export async function catalogOf(sql: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  return (await sql.unsafe(catalogQuery)).map((row) => row.line as string);
}

/** Every object of ours with its definition, a line each. */
const catalogQuery = `
  with ours as (select oid, nspname from pg_namespace where nspname in ('mayfly', 'mayfly_private', 'mayfly_gate'))
  select line from (
    select format('table %s.%s %s %s', n.nspname, c.relname, c.relrowsecurity, c.relacl) as line
    from pg_class c join ours n on n.oid = c.relnamespace where c.relkind in ('r', 'v')
    union all
    select format('column %s.%s %s %s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attacl, a.attstattarget)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join ours n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v')
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i
    join pg_class c on c.oid = i.indrelid join ours n on n.oid = c.relnamespace
    union all
    select format('constraint %s %s', k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k
    join ours n on n.oid = k.connamespace
    union all
    select format('function %s %s', pg_get_functiondef(p.oid), p.proacl) from pg_proc p
    join ours n on n.oid = p.pronamespace
    union all
    select format('policy %s.%s %s %s %s %s', schemaname, tablename, policyname, cmd, qual, with_check) from pg_policies
    where schemaname in ('mayfly', 'mayfly_private') or policyname like 'mayfly%'
    union all
    select format('trigger %s', pg_get_triggerdef(t.oid)) from pg_trigger t
    join pg_class c on c.oid = t.tgrelid join ours n on n.oid = c.relnamespace where not t.tgisinternal
  ) lines order by line`;
