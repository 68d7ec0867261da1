-- Counts a tenant's usage again from the rows of its tables, in the same way as the meters. It is for the SQL editor,
-- in case you doubt the numbers. Reads every table that mayfly_private.charges charges. Locks the tenant's shards.

create function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  charged record;
  stored bigint;
  total bigint := 0;
  kept constant bigint := (select count(*) from mayfly.memories m where m.tenant_id = tenant);
begin
  perform mayfly_private.charge(tenant, 0, 0, 0);
  perform from mayfly_private.tenant_usage u where u.tenant_id = tenant order by u.shard for update;
  for charged in
    select c.relation, coalesce(c.bytes, format('mayfly_private.row_bytes(%s, %L, to_jsonb(r))', c.flat, c.written)) as bytes
    from mayfly_private.charges c
    where c.bounded_by is null and to_regclass(c.relation) is not null
  loop
    execute format('select sum(%s) from %s r where r.tenant_id = $1', charged.bytes, charged.relation::regclass) into stored using tenant;
    total := total + coalesce(stored, 0);
  end loop;
  update mayfly_private.tenant_usage u
  set memories = case when u.shard = 0 then kept else 0 end,
    bytes = case when u.shard = 0 then total else 0 end
  where u.tenant_id = tenant;
end
$$;

comment on function mayfly_private.recount_usage is 'Counts again what a tenant stores.';
