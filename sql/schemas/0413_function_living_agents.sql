-- Which of these agents are alive: presence is told by its clients, the table is the truth.

create function mayfly.living_agents(ids uuid[])
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.living_agents(ids);

comment on function mayfly.living_agents(uuid[]) is
  'Which of these agents are alive, at most 1000: [{ id, name, type, activity, seconds_left }]. Needs presence:read.';
revoke execute on function mayfly.living_agents(uuid[]) from public;
grant execute on function mayfly.living_agents(uuid[]) to authenticated, service_role;
