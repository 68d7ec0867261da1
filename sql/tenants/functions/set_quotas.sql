-- Sets quotas of a tenant, and how many seconds it keeps messages that everyone has acknowledged. Null leaves a value
-- as it is. Only the secret key can call it, because only the project sets quotas. The call names the tenant. Locks the
-- tenant's row.

create function mayfly_private.set_quotas(
  max_living_agents integer, spawns_per_minute integer, max_memories bigint, max_bytes bigint, writes_per_minute integer,
  messages_kept double precision
)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  fault record;
  tenant mayfly.tenants;
begin
  select q.field, q.rule into fault
  from (values
    ('max_living_agents', max_living_agents not between 0 and 100000, 'a whole number from 0 to 100000'), -- bounds: 100000 tenant.livingAgents
    ('spawns_per_minute', spawns_per_minute not between 1 and 100000, 'a whole number from 1 to 100000'), -- bounds: 100000 tenant.spawnsPerMinute
    ('max_memories', max_memories < 0, 'a whole number from 0'),
    ('max_bytes', max_bytes < 0, 'a whole number from 0'),
    ('writes_per_minute', writes_per_minute < 1000, 'a whole number from 1000, since one push may have that many'), -- bounds: 1000 tenant.leastWritesPerMinute
    ('messages_kept', messages_kept not between 3600 and 315360000, 'seconds from 3600 to 315360000')
  ) as q (field, refused, rule)
  where q.refused
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null,
      jsonb_build_object('field', fault.field));
  end if;
  update mayfly.tenants t
  set max_living_agents = coalesce(set_quotas.max_living_agents, t.max_living_agents),
    spawns_per_minute = coalesce(set_quotas.spawns_per_minute, t.spawns_per_minute),
    max_memories = coalesce(set_quotas.max_memories, t.max_memories),
    max_bytes = coalesce(set_quotas.max_bytes, t.max_bytes),
    writes_per_minute = coalesce(set_quotas.writes_per_minute, t.writes_per_minute),
    messages_kept = coalesce(make_interval(secs => set_quotas.messages_kept), t.messages_kept)
  where t.id = of_tenant
  returning * into tenant;
  return tenant;
end
$$;

comment on function mayfly_private.set_quotas is 'Sets quotas of a tenant.';
grant execute on function mayfly_private.set_quotas to service_role;

create function mayfly.set_quotas(
  max_living_agents integer default null, spawns_per_minute integer default null, max_memories bigint default null,
  max_bytes bigint default null, writes_per_minute integer default null, messages_kept double precision default null
)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.set_quotas(max_living_agents, spawns_per_minute, max_memories, max_bytes, writes_per_minute, messages_kept);

comment on function mayfly.set_quotas is
  'Sets quotas of a tenant. Null leaves a quota as it is. For the secret key. Returns the tenant.';
grant execute on function mayfly.set_quotas to service_role;
