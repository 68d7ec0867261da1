/** The schema that the migrations make, for reviewers: `sql/schema.sql`. */
import type postgres from "postgres";

/**
 * Tables with everything about them, types, and the heads of functions, by schema and name. The
 * output is the same, in whichever way the database was made. The bodies of functions are in the
 * rooms.
 */
export async function dumpSchema(sql: postgres.Sql): Promise<string> {
  const [{ text } = { text: "" }] = await sql.unsafe<{ text: string }[]>(dumpQuery);
  return `${head}${text}\n`;
}

const head = `\
-- What the migrations make, for a reviewer: a change of sql/ shows here what it does to the database. It is
-- not to be run, since functions have no bodies here; those are in the rooms. Written by npm run build:types.
`;

const grantsOf = (kind: string, name: string, acl: string) => `(
  select string_agg(format(E'\\ngrant %s on ${kind} %s to %s;', g.privileges, ${name}, g.grantee), '' order by g.grantee)
  from (
    select r.rolname as grantee, string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
    from aclexplode(${acl}) a join pg_roles r on r.oid = a.grantee
    where a.grantee <> a.grantor group by 1) g)`;

const dumpQuery = `
with
  ours as (
    select oid, nspname, nspacl from pg_namespace where nspname in ('mayfly', 'mayfly_private', 'mayfly_gate')),
  relations as (
    select c.*, format('%s.%s', n.nspname, c.relname) as name from pg_class c join ours n on n.oid = c.relnamespace),
  tables as (
    select 2 as rank, r.name, concat(
      format(E'create table %s (\\n', r.name),
      (
        select string_agg(line, E',\\n' order by place, line) from (
          select a.attnum as place, concat('  ', a.attname, ' ', format_type(a.atttypid, a.atttypmod),
            case when a.attnotnull then ' not null' end,
            case when a.attidentity <> '' then ' generated always as identity' end,
            case when a.attgenerated = 's' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
              when d.adbin is not null then format(' default %s', pg_get_expr(d.adbin, d.adrelid)) end) as line
          from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
          where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
          union all
          select 10000, format('  constraint %s %s', k.conname, pg_get_constraintdef(k.oid))
          from pg_constraint k where k.conrelid = r.oid and k.contype <> 'n') lines),
      E'\\n)', case when r.reloptions is not null then format(' with (%s)', array_to_string(r.reloptions, ', ')) end, ';',
      (
        select string_agg(E'\\n' || pg_get_indexdef(i.indexrelid) || ';', '' order by i.indexrelid::regclass::text)
        from pg_index i
        where i.indrelid = r.oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))),
      case when r.relrowsecurity then format(E'\\nalter table %s enable row level security;', r.name) end,
      (
        select string_agg(format(E'\\ncreate policy %s on %s for %s to %s%s%s;', p.policyname, r.name, lower(p.cmd),
          array_to_string(p.roles, ', '), E'\\n  using (' || p.qual || ')', E'\\n  with check (' || p.with_check || ')'), '' order by p.policyname)
        from pg_policies p where p.schemaname = r.relnamespace::regnamespace::text and p.tablename = r.relname),
      (
        select string_agg(E'\\n' || pg_get_triggerdef(t.oid) || ';', '' order by t.tgname)
        from pg_trigger t where t.tgrelid = r.oid and not t.tgisinternal),
      ${grantsOf("table", "r.name", "r.relacl")},
      E'\\ncomment on table ' || r.name || ' is ' || quote_literal(obj_description(r.oid, 'pg_class')) || ';') as text
    from relations r where r.relkind = 'r'),
  types as (
    select 1, r.name, format(E'create type %s as (\\n%s\\n);', r.name, (
      select string_agg(format('  %s %s', a.attname, format_type(a.atttypid, a.atttypmod)), E',\\n' order by a.attnum)
      from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped))
    from relations r where r.relkind = 'c'),
  functions as (
    select 3, format('%s.%s', n.nspname, p.proname), concat(
      format(E'create function %s.%s(%s)\\nreturns %s\\nlanguage %s %s', n.nspname, p.proname,
        pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname,
        case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end),
      case when p.proisstrict then ' strict' end,
      case when p.prosecdef then ' security definer' end,
      case when p.proparallel = 's' then ' parallel safe' end,
      (select string_agg(E'\\nset ' || replace(setting, '=', ' = '), '' order by setting) from unnest(p.proconfig) setting),
      ';', ${grantsOf("function", "format('%s.%s', n.nspname, p.proname)", "p.proacl")})
    from pg_proc p join ours n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang),
  others as (
    select 0, n.nspname::text, concat(format('create schema %s;', n.nspname), ${grantsOf("schema", "n.nspname", "n.nspacl")})
    from ours n
    union all
    select 4, p.policyname::text, format('create policy %s on realtime.messages for %s to %s%s%s;', p.policyname, lower(p.cmd),
      array_to_string(p.roles, ', '), E'\\n  using (' || p.qual || ')', E'\\n  with check (' || p.with_check || ')')
    from pg_policies p where p.schemaname = 'realtime' and p.policyname like 'mayfly%'),
  everything (rank, name, text) as (
    select * from tables union all select * from types union all select * from functions union all select * from others)
select string_agg(E'\\n' || text, E'\\n' order by rank, name collate "C") as text from everything`;
