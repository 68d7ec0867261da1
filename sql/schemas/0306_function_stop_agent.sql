-- Stops an agent (the caller, without an id) and with it, from that instant, its descendants. For itself, its ancestors and
-- callers with agent:stop. Stopping a stopped agent changes nothing and returns it.

create function mayfly.stop_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.stop_agent(id, reason);

comment on function mayfly.stop_agent(uuid, text) is 'Stops an agent; its descendants die with it. Returns the agent.';
revoke execute on function mayfly.stop_agent(uuid, text) from public;
grant execute on function mayfly.stop_agent(uuid, text) to authenticated, service_role;
