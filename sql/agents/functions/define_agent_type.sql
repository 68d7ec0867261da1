-- Adds a version to a type of agents. Locks the tenant's row (for no key update), so that version numbers have no gaps
-- and no duplicates.

create function mayfly_private.define_agent_type(
  name text, role text, description text, prompt text, capabilities text[], scopes text[],
  lifetime interval, max_lifetime interval, max_living integer, metadata jsonb
)
returns mayfly.agent_types
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('type:write');
  newest mayfly.agent_types;
  defined mayfly.agent_types;
begin
  if name is null or name !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have at most 63 lower case letters, digits, dots, dashes or underscores.', null, '{"field": "name"}');
  elsif char_length(role) > 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'role must have at most 200 characters.', null, '{"field": "role"}');
  elsif char_length(description) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'description must have at most 2000 characters.', null, '{"field": "description"}');
  elsif char_length(prompt) > 100000 then
    perform mayfly_private.fail(400, 'invalid_request', 'prompt must have at most 100000 characters.', null, '{"field": "prompt"}');
  elsif not mayfly_private.labels_within(capabilities, 50) then -- bounds: 50 agent.capabilities
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must have at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}'); -- bounds: 50 agent.capabilities; 100 agent.capability
  elsif lifetime < '5 seconds' or lifetime > max_lifetime or lifetime > '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'lifetime must be 5 seconds to max_lifetime.', null, '{"field": "lifetime"}');
  elsif max_lifetime not between '5 seconds' and '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'max_lifetime must be 5 seconds to 30 days.', null, '{"field": "max_lifetime"}');
  elsif max_living < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_living must be at least 0.', null, '{"field": "max_living"}');
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;
  perform mayfly_private.check_numbers(metadata, 'metadata');
  -- The spawner of an agent must have these scopes. Here it is enough that agents can have them.
  perform mayfly_private.check_scopes(scopes, array(select s.name from mayfly.scopes s));

  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  select * into newest from mayfly.agent_types d
  where d.tenant_id = of_tenant and d.name = define_agent_type.name
  order by d.version desc limit 1;
  defined := row(of_tenant, name, coalesce(newest.version, 0) + 1, role, description, prompt, capabilities, scopes,
    lifetime, max_lifetime, max_living, metadata, mayfly_private.caller_id(), mayfly_private.now());
  if to_jsonb(newest) - '{version,created_by,created_at}'::text[] = to_jsonb(defined) - '{version,created_by,created_at}'::text[] then
    return newest;
  end if;
  insert into mayfly.agent_types select defined.*;
  return defined;
end
$$;

comment on function mayfly_private.define_agent_type is 'Defines a version of a type of agents.';
grant execute on function mayfly_private.define_agent_type to authenticated, service_role;

-- Defines a type of agents, or its next version if something differs from the newest (scope type:write). Living
-- agents keep the version with which they were spawned.

create function mayfly.define_agent_type(
  name text,
  role text default '',
  description text default '',
  prompt text default '',
  capabilities text[] default '{}',
  scopes text[] default null,
  lifetime double precision default null,
  max_lifetime double precision default null,
  max_living integer default null,
  metadata jsonb default '{}'
)
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.define_agent_type(
  name, coalesce(role, ''), coalesce(description, ''), coalesce(prompt, ''), coalesce(capabilities, '{}'), scopes,
  make_interval(secs => lifetime), make_interval(secs => max_lifetime), max_living, coalesce(metadata, '{}')));

comment on function mayfly.define_agent_type is
  'Defines a type of agents, with lifetimes in seconds. Returns its newest version, which is the same if nothing changed.';
grant execute on function mayfly.define_agent_type to authenticated, service_role;
