-- Counts a tenant's usage anew from its tables, as the meters count it: for the SQL editor, after
-- retention or by a yearly doubt. Locks the tenant's shards.

create function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  stored record;
begin
  perform mayfly_private.charge(tenant, 0, 0, 0);
  perform from mayfly_private.tenant_usage u where u.tenant_id = tenant order by u.shard for update;
  select count(*) as memories,
    coalesce(sum(512 + octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique)
      + pg_column_size(m.tags || '{}') + pg_column_size(m.metadata || '{}')), 0)
    + (select count(*) * 800 from mayfly.memory_vectors v where v.tenant_id = tenant)
    + (select coalesce(sum(mayfly_private.conflict_bytes(c.base, c.wanted)), 0)
      from mayfly.memory_conflicts c where c.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.state_versions s where s.tenant_id = tenant)
    + (select coalesce(sum(r.bytes), 0) from mayfly.debug_records r where r.tenant_id = tenant) as bytes
  into strict stored
  from mayfly.memories m where m.tenant_id = tenant;
  update mayfly_private.tenant_usage u
  set memories = case when u.shard = 0 then stored.memories else 0 end,
    bytes = case when u.shard = 0 then stored.bytes else 0 end
  where u.tenant_id = tenant;
end
$$;

comment on function mayfly_private.recount_usage(uuid) is 'Counts what a tenant stores anew.';
revoke execute on function mayfly_private.recount_usage(uuid) from public;
