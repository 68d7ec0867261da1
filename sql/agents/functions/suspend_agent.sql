-- Suspends an agent. Its descendants then count as suspended too, although their rows do not change. Locks the
-- agent's row.

create function mayfly_private.suspend_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
  current_status constant text := mayfly_private.effective_status(agent);
begin
  perform mayfly_private.check_reason(reason);
  if current_status in ('stopped', 'expired') then
    perform mayfly_private.refuse_transition(current_status, 'suspended');
  elsif agent.status = 'running' then
    update mayfly.agents a
    set status = 'suspended', suspended_at = mayfly_private.now(), suspend_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

comment on function mayfly_private.suspend_agent is 'Suspends an agent of the caller''s tenant.';
grant execute on function mayfly_private.suspend_agent to authenticated, service_role;

-- Suspends an agent (without an id, the caller), and thereby its descendants. None of them can read or write anything
-- until the agent is resumed. The agent itself, its ancestors and callers with agent:stop can call it. The lifetime of
-- the agent goes on. Suspending a suspended agent changes nothing and returns it.

create function mayfly.suspend_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.suspend_agent(id, reason);

comment on function mayfly.suspend_agent is 'Suspends an agent and its descendants until it is resumed. Returns the agent.';
grant execute on function mayfly.suspend_agent to authenticated, service_role;
