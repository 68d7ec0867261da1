-- Counts usage. It is a definer, because the counters are in private tables. Counts and limits that other rooms have
-- registered (mayfly_private.usage_counts) are included. Locks nothing.

create function mayfly_private.usage()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  used jsonb;
  work regprocedure;
  counted jsonb;
begin
  select jsonb_build_object('memories', u.memories, 'bytes', u.bytes, 'writes_this_minute', u.writes,
    'limits', jsonb_build_object(
      'max_memories', t.max_memories, 'max_bytes', t.max_bytes, 'writes_per_minute', t.writes_per_minute))
  into used
  from mayfly.tenants t, (
    select coalesce(sum(s.memories), 0) as memories, coalesce(sum(s.bytes), 0) as bytes,
      coalesce(sum(s.writes) filter (where s.minute = date_trunc('minute', (select mayfly_private.now()))), 0) as writes
    from mayfly_private.tenant_usage s where s.tenant_id = of_tenant) u
  where t.id = of_tenant;
  for work in select to_regprocedure(c.work) from mayfly_private.usage_counts c order by c.name loop
    continue when work is null;
    execute format('select %s($1)', work::regproc) into counted using of_tenant;
    used := used || (counted - 'limits')
      || jsonb_build_object('limits', (used -> 'limits') || coalesce(counted -> 'limits', '{}'));
  end loop;
  return used;
end
$$;

comment on function mayfly_private.usage is 'How much of its quotas the tenant uses.';
grant execute on function mayfly_private.usage to authenticated, service_role;

-- What the tenant uses, and its quotas. Everyone in the tenant can read it.

create function mayfly.usage()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.usage();

comment on function mayfly.usage is
  'What the tenant uses: { memories, bytes, writes_this_minute, living_agents, spawns_left, limits }.';
grant execute on function mayfly.usage to authenticated, service_role;
