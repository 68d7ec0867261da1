-- The tables that belong to a tenant, from the catalog: all tables of both schemas with a tenant_id, in the order of
-- their foreign keys. A table comes after every table that it refers to. Tables that refer to nothing come last,
-- because the log and the usage counters are about the rows before them. Called by erase_tenant, export_tenant and
-- forget_log, as owner. Locks nothing.
--
-- `key` and `key_types` are the columns of the primary key and their types. `generated` are columns whose values follow
-- from other columns, including search words and their version. `refers` says whether the table has a foreign key that
-- deletes its rows with their tenant. `child_of` is the condition under which a row `c` of the table refers to another
-- row `t` of the same table, or null.

create function mayfly_private.tenant_tables()
returns table (place integer, relation regclass, key text[], key_types text[], generated text[], refers boolean, child_of text)
language sql stable
set search_path = ''
begin atomic
  with recursive tables as (
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace in (select n.oid from pg_namespace n where n.nspname in ('mayfly', 'mayfly_private'))
      and c.relkind in ('r', 'p') and not c.relispartition
  ), refs as (
    select distinct f.conrelid as child, f.confrelid as parent
    from pg_constraint f join tables t on t.oid = f.conrelid
    where f.contype = 'f' and f.confrelid <> f.conrelid
  ), depths as (
    select t.oid, 0 as depth from tables t
    union
    -- The limit of depth ends the recursion if tables refer to each other in a cycle.
    select r.child, d.depth + 1 from depths d join refs r on r.parent = d.oid where d.depth < 50
  ), keys as (
    select i.indrelid, array_agg(a.attname::text order by k.n) as names,
      array_agg(format_type(a.atttypid, a.atttypmod) order by k.n) as types
    from pg_index i
    cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indisprimary
    group by i.indrelid
  ), selves as (
    select f.conrelid, format('(%s)', string_agg(format('c.%I = t.%I', child.attname, parent.attname), ' and ' order by k.n)) as condition
    from pg_constraint f
    cross join unnest(f.conkey, f.confkey) with ordinality as k (child, parent, n)
    join pg_attribute child on child.attrelid = f.conrelid and child.attnum = k.child
    join pg_attribute parent on parent.attrelid = f.conrelid and parent.attnum = k.parent
    where f.contype = 'f' and f.conrelid = f.confrelid
    group by f.oid, f.conrelid
  ), found as (
    select t.oid, t.oid::regclass::text as name, k.names, k.types,
      exists (select from pg_constraint f where f.contype = 'f' and f.conrelid = t.oid) as refers,
      (select max(d.depth) from depths d where d.oid = t.oid) as depth
    from tables t left join keys k on k.indrelid = t.oid
  )
  select row_number() over (order by not f.refers, f.depth, f.name)::integer, f.oid::regclass, f.names, f.types,
    array(select a.attname::text from pg_attribute a
      where a.attrelid = f.oid and not a.attisdropped
        and (a.attgenerated <> '' or a.atttypid = 'tsvector'::regtype or exists (
          select from pg_attribute w
          where w.attrelid = f.oid and w.atttypid = 'tsvector'::regtype and a.attname = w.attname || '_version'))),
    f.refers, (select string_agg(s.condition, ' or ') from selves s where s.conrelid = f.oid)
  from found f;
end;

comment on function mayfly_private.tenant_tables is 'The tables that belong to a tenant, in the order of their foreign keys.';
