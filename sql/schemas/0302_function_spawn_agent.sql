-- Spawns an agent: called by the spawn function as whoever calls it (scope agent:spawn). A child
-- never is more than its parent. What is not given comes from its type, where that is defined, and
-- its name from a pool. Returns the agent, its type, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text default null,
  type text default null,
  lifetime double precision default null,
  capabilities text[] default null,
  scopes text[] default null,
  task text default null,
  metadata jsonb default null,
  registration_key text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => lifetime), capabilities,
  scopes, task, coalesce(metadata, '{}'), registration_key);

comment on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) is
  'Spawns an agent that lives for so many seconds (300). Returns { agent, type, claims, renewal_secret, existing }.';
revoke execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) from public;
grant execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) to authenticated, service_role;
