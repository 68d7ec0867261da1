-- Counts what a tenant has stored and written. mayfly_private.charge calls it before it checks quotas. Other functions
-- call it directly for writes that must not be refused.
--
-- It locks the first free shard of the tenant's 16 until commit, so up to 16 concurrent pushes of a tenant do not wait.
-- On 2 busy cores, counting added 0.5 ms to a push of one memory, and 4 ms to a push of 1,000 memories that took 400
-- ms. With one counter instead of 16, 8 writers were 10 % slower, and any writer's open transaction would have blocked
-- the others.

create function mayfly_private.count_usage(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
begin
  update mayfly_private.tenant_usage u
  set memories = u.memories + more_memories, bytes = u.bytes + more_bytes, minute = this_minute,
    writes = case when u.minute = this_minute then u.writes else 0 end + more_writes
  where u.tenant_id = tenant and u.shard = coalesce((
    select f.shard
    from mayfly_private.tenant_usage f
    where f.tenant_id = tenant
    order by f.shard
    limit 1
    for update skip locked), pg_backend_pid() % 16);
end
$$;

comment on function mayfly_private.count_usage is 'Counts what a tenant stores and writes.';
