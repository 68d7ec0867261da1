-- The tables that belong to a tenant, from the catalog: all that have a tenant_id, of both schemas. `place` is in the
-- order of their foreign keys: a table comes after every table that it refers to. `parent` are the pairs of columns of
-- a foreign key to itself, as a condition on a row `c` (a child) and its parent `t`. Called by erase_tenant and
-- export_tenant, as owner. Locks nothing.
--
-- What refers to nothing comes last: the log and the books are about rows before them.

create function mayfly_private.tenant_tables()
returns table (place integer, relation regclass, name text, key text[], key_types text[], generated text[], child_of text)
language sql stable
set search_path = ''
begin atomic
  with recursive tables as (
    select c.oid, n.nspname, c.relname
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p') and not c.relispartition
  ), refs as (
    select distinct f.conrelid as child, f.confrelid as parent
    from pg_catalog.pg_constraint f join tables t on t.oid = f.conrelid
    where f.contype = 'f' and f.confrelid <> f.conrelid
  ), depths as (
    select t.oid, 0 as depth from tables t
    union
    select r.child, d.depth + 1 from depths d join refs r on r.parent = d.oid where d.depth < 100
  )
  select row_number() over (order by not exists (select from refs r where r.child = t.oid), (
      select max(d.depth) from depths d where d.oid = t.oid), t.nspname, t.relname)::integer,
    t.oid::regclass, t.relname::text,
    array(
      select a.attname::text
      from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
      where i.indrelid = t.oid and i.indisprimary order by k.n),
    array(
      select format_type(a.atttypid, a.atttypmod)
      from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
      where i.indrelid = t.oid and i.indisprimary order by k.n),
    array(
      select a.attname::text from pg_catalog.pg_attribute a
      where a.attrelid = t.oid and a.attgenerated <> '' and not a.attisdropped order by a.attnum),
    (
      select string_agg(format('(%s)', one.condition), ' or ')
      from (
        select (
          select string_agg(format('c.%I = t.%I', child.attname, parent.attname), ' and ' order by k.n)
          from unnest(f.conkey, f.confkey) with ordinality as k (child, parent, n)
          join pg_catalog.pg_attribute child on child.attrelid = t.oid and child.attnum = k.child
          join pg_catalog.pg_attribute parent on parent.attrelid = t.oid and parent.attnum = k.parent) as condition
        from pg_catalog.pg_constraint f where f.contype = 'f' and f.conrelid = t.oid and f.confrelid = t.oid
      ) one)
  from tables t;
end;

comment on function mayfly_private.tenant_tables is 'The tables that belong to a tenant, in the order of their foreign keys.';
