-- Spawns an agent: called by the spawn function as whoever calls it (scope agent:spawn). A child
-- never is more than its parent. Returns the agent, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text,
  type text default 'agent',
  lifetime double precision default 300,
  capabilities text[] default '{}',
  scopes text[] default null,
  task text default null,
  metadata jsonb default '{}'
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => coalesce(lifetime, 300)), coalesce(capabilities, '{}'),
  scopes, task, coalesce(metadata, '{}'));

comment on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) is
  'Spawns an agent that lives for so many seconds. Returns { agent, claims, renewal_secret }.';
revoke execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) from public;
grant execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) to authenticated, service_role;
