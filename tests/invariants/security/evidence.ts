/** Digests of everything that a tenant has, to see that nothing has changed. */
import type { Sql } from "#harness/callers";

/**
 * A digest for each table in the catalog, so that new tables are included. Due nudges are left out, because
 * they are sent each second.
 */
export async function digestOf(sql: Sql, tenant: string): Promise<Record<string, unknown>> {
  const tables = await sql`
    select c.oid::regclass::text as name, a.attname as column from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid
      and a.attname = case when c.oid = 'mayfly.tenants'::regclass then 'id' else 'tenant_id' end
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p')
      and c.relname not in ('nudges', 'nudges_due')`;
  const parts = tables.map(
    ({ name, column }) =>
      `select '${name}' as name, md5(string_agg(to_jsonb(t)::text, '|' order by to_jsonb(t)::text)) as digest
       from ${name} t where t.${column} = '${tenant}'`,
  );
  const rows = await sql.unsafe(parts.join(" union all "));
  return Object.fromEntries(rows.map((row) => [row.name, row.digest]));
}
