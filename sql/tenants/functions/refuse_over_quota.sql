-- Refuses a statement that exceeds a quota, so that it writes nothing. Never refuses a write that frees space. It adds
-- up only committed usage, so concurrent pushes can exceed a quota by at most 15 pushes of 4 MB. Called by charge,
-- after it has counted. Locks nothing.

create function mayfly_private.refuse_over_quota(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
  tally record;
begin
  select t.max_memories, t.max_bytes, t.writes_per_minute, used.memories, used.bytes, used.writes
  into strict tally
  from mayfly.tenants t,
    (select sum(u.memories) as memories, sum(u.bytes) as bytes,
        coalesce(sum(u.writes) filter (where u.minute = this_minute), 0) as writes
      from mayfly_private.tenant_usage u where u.tenant_id = tenant) used
  where t.id = tenant;

  if more_memories > 0 and tally.memories > tally.max_memories then
    perform mayfly_private.fail(403, 'quota_exceeded',
      format('The tenant may keep %s memories.', tally.max_memories),
      'Nothing was written. Forget memories, or have the tenant''s max_memories raised.',
      jsonb_build_object('quota', 'memories', 'limit', tally.max_memories));
  elsif more_bytes > 0 and tally.bytes > tally.max_bytes then
    perform mayfly_private.fail(403, 'quota_exceeded',
      format('The tenant may store %s bytes.', tally.max_bytes),
      'Nothing was written. Forget memories, or have the tenant''s max_bytes raised.',
      jsonb_build_object('quota', 'bytes', 'limit', tally.max_bytes));
  elsif more_writes > 0 and tally.writes > tally.writes_per_minute then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant may make %s writes a minute.', tally.writes_per_minute),
      'Nothing was written. Try again after retry_after seconds.',
      jsonb_build_object('quota', 'writes_per_minute', 'limit', tally.writes_per_minute),
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - mayfly_private.now()))::integer));
  end if;
end
$$;

comment on function mayfly_private.refuse_over_quota is 'Refuses what makes a tenant exceed its quotas.';
