-- Agents with their children as trees: of the whole tenant, or below one agent. For callers with
-- agent:read; an agent without it sees itself and what is below it.

create function mayfly.agent_tree(root uuid default null, living boolean default true)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.agent_tree(root, coalesce(living, true));

comment on function mayfly.agent_tree(uuid, boolean) is
  'Cards whose `children` are cards, as an array of roots; the living alone, unless asked. At most 1000 agents.';
revoke execute on function mayfly.agent_tree(uuid, boolean) from public;
grant execute on function mayfly.agent_tree(uuid, boolean) to authenticated, service_role;
