-- The definer half of mayfly.spawn_agent. One transaction: scope, quota, depth, insert, log. Locks
-- the tenant's row (for no key update), so that parallel spawns cannot pass the quota together.

create function mayfly_private.spawn_agent(
  name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('agent:spawn');
  caller constant mayfly_private.caller := mayfly_private.caller();
  tenant mayfly.tenants;
  parent mayfly.agents;
  granted text[];
  allowed text[];
  excess text[];
  living integer;
  born_at timestamptz;
  new_id uuid;
begin
  select * into strict tenant from mayfly.tenants t where t.id = of_tenant for no key update;

  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif type !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'type must be lower case letters, digits, dots, dashes or underscores, 63 at most.', null, '{"field": "type"}');
  elsif lifetime < '5 seconds' or lifetime > tenant.max_lifetime then
    perform mayfly_private.fail(400, 'lifetime_out_of_range',
      format('lifetime must be 5 seconds to %s seconds.', extract(epoch from tenant.max_lifetime)::bigint),
      'Ask for less, or raise the tenant''s max_lifetime.', '{"field": "lifetime"}');
  elsif cardinality(capabilities) > 50 or exists (select from unnest(capabilities) c where c is null or char_length(c) not between 1 and 100) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif char_length(task) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}');
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;

  if caller.kind = 'agent' then
    select * into strict parent from mayfly.agents a where a.tenant_id = tenant.id and a.id = caller.id;
    allowed := parent.scopes;
    if parent.depth + 1 > tenant.max_depth then
      perform mayfly_private.fail(403, 'depth_exceeded',
        format('Agents of this tenant may be at most %s deep.', tenant.max_depth),
        'Let an ancestor spawn it, or raise the tenant''s max_depth.');
    end if;
  else
    allowed := (select coalesce(array_agg(s.name), '{}') from mayfly.scopes s
      where tenant.id = any (mayfly_private.tenant_ids(s.name)));
  end if;

  excess := (select array_agg(s order by s) from unnest(scopes) s
    where s is null or not exists (select from mayfly.scopes known where known.name = s));
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_unknown', format('Unknown scopes: %s.', array_to_string(excess, ', ', 'null')),
      'The table mayfly.scopes lists them.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s where not s = any (allowed));
  if excess is not null then
    perform mayfly_private.fail(403, 'scope_exceeds_parent',
      format('The caller cannot give scopes that it does not have: %s.', array_to_string(excess, ', ')),
      'Ask for a subset of the caller''s scopes.', jsonb_build_object('scopes', excess));
  end if;
  -- What most agents need; to administer and to spawn must be asked for.
  granted := coalesce(
    (select array_agg(distinct s order by s) from unnest(scopes) s),
    (select coalesce(array_agg(s order by s), '{}') from unnest(allowed) s
      where s in ('memory:read', 'memory:write', 'agent:read', 'presence:read', 'presence:write')));

  living := (select count(*) from mayfly.agents a
    where a.tenant_id = tenant.id and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp());
  if living >= tenant.max_living_agents then
    perform mayfly_private.fail(429, 'agent_quota_exceeded',
      format('The tenant has %s living agents, as many as it may.', living),
      'Stop agents, wait until some expire, or raise the tenant''s max_living_agents.');
  end if;

  born_at := clock_timestamp();
  insert into mayfly.agents (
    tenant_id, name, type, parent_id, ancestors, depth, capabilities, scopes, task, metadata,
    lifetime, spawned_at, spawned_by, expires_at)
  values (
    tenant.id, name, type, parent.id, case when parent.id is null then '{}' else parent.ancestors || parent.id end, coalesce(parent.depth + 1, 0),
    capabilities, granted, task, metadata,
    lifetime, born_at, caller.id, least(born_at + lifetime, parent.expires_at))
  returning id into new_id;

  perform mayfly_private.reap(tenant.id);
  return mayfly_private.issue_token(tenant.id, new_id);
end
$$;

comment on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) is 'Spawns an agent in the tenant of the caller.';
revoke execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) from public;
grant execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) to authenticated, service_role;
