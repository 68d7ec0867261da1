-- The statement that inserts lines of an export into their table. The statement has three parameters: $1 is the tenant,
-- $2 has the lines, and $3 has the numbers of the lines to insert, all of which have exactly the columns `columns`. The
-- statement returns the numbers of the lines that are left out, the numbers of the lines that wait for another row, how
-- many lines were stored, and the bytes of the stored lines. The answer is null if there are no columns, or if one of
-- the columns is not in the table. Called by mayfly_private.import_tenant, as owner.

create function mayfly_private.import_statement(target regclass, columns text[], generated text[])
returns text
language sql stable
set search_path = ''
begin atomic
  with own as (
    select a.attname::text as name, a.attidentity = 'a' or a.attname = any (generated) as derived
    from pg_attribute a
    where a.attrelid = target and a.attnum > 0 and not a.attisdropped
  ), parents as (
    select format('(%s or exists (select from %s p where %s))',
      string_agg(format('r.%I is null', child.attname), ' or '), f.confrelid::regclass,
      string_agg(format('p.%I = r.%I', parent.attname, child.attname), ' and ')) as condition
    from pg_constraint f
    cross join unnest(f.conkey, f.confkey) as k (child, parent)
    join pg_attribute child on child.attrelid = f.conrelid and child.attnum = k.child
    join pg_attribute parent on parent.attrelid = f.confrelid and parent.attnum = k.parent
    where f.contype = 'f' and f.conrelid = target and f.confrelid <> 'mayfly.tenants'::regclass
    group by f.oid, f.confrelid
  )
  select format(
    'with given as materialized (
       select l.n, r from json_array_elements($2) with ordinality as l (line, n)
       cross join lateral json_populate_record(null::%1$s, l.line -> ''row'') as r
       where l.n = any ($3)
     ), sorted as materialized (
       select g.n as "line number", r.*, (%2$s) is true as "comes back", %3$s as "is ready"
       from given g cross join lateral (select $1 as tenant_id, %4$s) as r
     ), stored as (
       insert into %1$s as r (tenant_id, %5$s)
       select $1, %6$s from sorted r where r."comes back" and r."is ready"
       on conflict do nothing
       returning %7$s as bytes
     )
     select array(select s."line number" from sorted s where not s."comes back") as left_out,
       array(select s."line number" from sorted s where s."comes back" and not s."is ready") as waiting,
       (select count(*) from stored) as stored, (select coalesce(sum(s.bytes), 0)::bigint from stored s) as bytes',
    target, coalesce(max(i.rows), 'true'), coalesce((select string_agg(p.condition, ' and ') from parents p), 'true'),
    string_agg(format('(g.r).%I', o.name), ', ' order by o.name),
    string_agg(format('%I', o.name), ', ' order by o.name) filter (where o.name = any (columns) and not o.derived),
    string_agg(coalesce(i.sets ->> o.name, format('r.%I', o.name)), ', ' order by o.name)
      filter (where o.name = any (columns) and not o.derived),
    coalesce(max(c.bytes), '0'))
  from own o
  left join mayfly_private.imports i on i.relation = target::text
  left join mayfly_private.charges c on c.relation = target::text
  where o.name <> 'tenant_id'
  having columns <> '{}' and columns <@ array(select a.name from own a);
end;

comment on function mayfly_private.import_statement is 'The statement that inserts lines of an export into their table.';
