-- Prepares an agent for inserting. Values that the request leaves out come from the newest version of the agent's type.
-- Refuses what exceeds the limits of the tenant, the type or the spawner. Called by spawn_agent and spawn_team while
-- the tenant's row is locked. `drafted` has the agents that the same call has drafted before.

create function mayfly_private.draft_agent(
  spawner mayfly_private.spawner, drafted mayfly.agents[], name text, pool text[], type text, lifetime interval,
  capabilities text[], scopes text[], task text, metadata jsonb, renew boolean
)
returns mayfly.agents
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant mayfly.tenants := spawner.tenant;
  parent constant mayfly.agents := spawner.parent;
  definition mayfly.agent_types;
  longest interval;
  living integer;
  agent mayfly.agents;
begin
  select * into definition from mayfly.agent_types d
  where d.tenant_id = tenant.id and d.name = draft_agent.type
  order by d.version desc limit 1;
  longest := least(tenant.max_lifetime, definition.max_lifetime);
  lifetime := coalesce(lifetime, least(coalesce(definition.lifetime, '300 seconds'), longest));
  capabilities := coalesce(capabilities, definition.capabilities, '{}');
  scopes := coalesce(scopes, definition.scopes, mayfly_private.common_scopes(spawner.allowed));

  if char_length(name) not between 1 and 100 then -- bounds: 100 agent.name
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}'); -- bounds: 100 agent.name
  elsif type !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'type must have at most 63 lower case letters, digits, dots, dashes or underscores.', null, '{"field": "type"}');
  elsif lifetime < '5 seconds' or lifetime > longest then
    perform mayfly_private.fail(400, 'lifetime_out_of_range',
      format('lifetime must be 5 seconds to %s seconds.', extract(epoch from longest)::bigint),
      'Ask for less, or raise the max_lifetime of the tenant or the type.', '{"field": "lifetime"}');
  elsif not mayfly_private.labels_within(capabilities, 50) then -- bounds: 50 agent.capabilities
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must have at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}'); -- bounds: 50 agent.capabilities; 100 agent.capability
  elsif char_length(task) > 2000 then -- bounds: 2000 agent.task
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}'); -- bounds: 2000 agent.task
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;
  perform mayfly_private.check_numbers(metadata, 'metadata');
  perform mayfly_private.check_scopes(scopes, spawner.allowed);

  if definition.max_living is not null then
    living := (select count(*) from mayfly.agents a
        where a.tenant_id = tenant.id and a.type = draft_agent.type
          and a.status in ('running', 'suspended') and mayfly_private.effective_status(a) in ('running', 'suspended'))
      + (select count(*) from unnest(drafted) d where d.type = draft_agent.type);
    if living >= definition.max_living then
      perform mayfly_private.fail(429, 'type_quota_exceeded',
        format('The tenant may have %s living agents of the type %s.', definition.max_living, type),
        'Stop some, wait until some expire, or define the type with a higher max_living.',
        jsonb_build_object('quota', 'max_living', 'limit', definition.max_living, 'type', type));
    end if;
  end if;

  if name is null then
    name := mayfly_private.pick_name(tenant.id, coalesce(pool, mayfly_private.name_pool()), array(select d.name from unnest(drafted) d));
  else
    perform mayfly_private.reap(tenant.id, name);
    if exists (select from mayfly.agents a
        where a.tenant_id = tenant.id and a.name = draft_agent.name and a.status in ('running', 'suspended')) then
      perform mayfly_private.fail(409, 'name_taken', format('A living agent of the tenant has the name %s.', name),
        'Choose another name, or leave it out to get one.', '{"field": "name"}');
    end if;
  end if;

  agent.tenant_id := tenant.id;
  agent.id := gen_random_uuid();
  agent.name := name;
  agent.type := type;
  agent.type_version := definition.version;
  agent.parent_id := parent.id;
  agent.ancestors := case when parent.id is null then '{}' else parent.ancestors || parent.id end;
  agent.depth := cardinality(agent.ancestors);
  agent.capabilities := capabilities;
  agent.scopes := array(select distinct s from unnest(scopes) s order by s);
  agent.status := 'running';
  agent.activity := 'idle';
  agent.task := task;
  agent.metadata := metadata;
  agent.lifetime := lifetime;
  agent.renews := coalesce(renew, false);
  agent.spawned_at := mayfly_private.now();
  agent.spawned_by := spawner.id;
  agent.expires_at := least(agent.spawned_at + lifetime, parent.expires_at);
  return agent;
end
$$;

comment on function mayfly_private.draft_agent is 'An agent that is ready to be inserted.';
