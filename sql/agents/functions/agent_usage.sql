-- How much a tenant uses of its quotas of agents. Called by mayfly.usage. Locks nothing.

create function mayfly_private.agent_usage(tenant uuid)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'living_agents', (
      select count(*) from mayfly.agents a
      where a.tenant_id = t.id and a.status in ('running', 'suspended') and a.expires_at > mayfly_private.now()),
    'spawns_left', floor(coalesce((
      select least(t.spawns_per_minute, b.tokens + extract(epoch from mayfly_private.now() - b.filled_at) * t.spawns_per_minute / 60)
      from mayfly_private.spawn_buckets b where b.tenant_id = t.id), t.spawns_per_minute)),
    'limits', jsonb_build_object(
      'max_living_agents', t.max_living_agents, 'spawns_per_minute', t.spawns_per_minute,
      'max_lifetime', extract(epoch from t.max_lifetime), 'token_lifetime', extract(epoch from t.token_lifetime),
      'max_depth', t.max_depth))
  from mayfly.tenants t where t.id = tenant
);

comment on function mayfly_private.agent_usage is 'What a tenant uses of its quotas of agents.';
