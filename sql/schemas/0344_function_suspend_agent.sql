-- Suspends an agent (the caller, without an id) and with it, from that instant, its descendants: they
-- can read and write nothing until it is resumed. For itself, its ancestors and callers with
-- agent:stop. Its time runs on. Suspending a suspended agent changes nothing and returns it.

create function mayfly.suspend_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.suspend_agent(id, reason);

comment on function mayfly.suspend_agent(uuid, text) is 'Suspends an agent and its descendants until it is resumed. Returns the agent.';
revoke execute on function mayfly.suspend_agent(uuid, text) from public;
grant execute on function mayfly.suspend_agent(uuid, text) to authenticated, service_role;
