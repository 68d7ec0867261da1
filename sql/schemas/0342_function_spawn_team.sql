-- Spawns a team in one transaction, all or none: called by the spawn function as whoever calls it
-- (scope agent:spawn). A group is { type, count, names, lifetime, capabilities, scopes, task, metadata };
-- names are a pool of its own. Returns what spawn_agent returns for each agent, in the order asked.

create function mayfly.spawn_team(team jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_team(team);

comment on function mayfly.spawn_team(jsonb) is
  'Spawns groups of agents, all or none. Returns an array of { agent, type, claims, renewal_secret, existing }.';
revoke execute on function mayfly.spawn_team(jsonb) from public;
grant execute on function mayfly.spawn_team(jsonb) to authenticated, service_role;
