-- Defines a type of agents, or its next version where it is another than the newest (scope
-- type:write). Agents that live keep the version they were spawned with.

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

comment on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) is
  'Defines a type of agents, lifetimes in seconds. Returns its newest version, the same where nothing changed.';
revoke execute on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) from public;
grant execute on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) to authenticated, service_role;
