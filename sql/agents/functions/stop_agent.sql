-- Stops an agent. Its descendants are then not alive either, because an agent is alive only while its ancestors are.
-- Their rows are marked later, by reaping, so that there are no races. Locks the agent's row.

create function mayfly_private.stop_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
begin
  perform mayfly_private.check_reason(reason);
  if agent.status in ('running', 'suspended') then
    update mayfly.agents a
    set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

comment on function mayfly_private.stop_agent is 'Stops an agent of the caller''s tenant.';
grant execute on function mayfly_private.stop_agent to authenticated, service_role;

-- Stops an agent (without an id, the caller), and from then on its descendants. The agent itself, its ancestors and
-- callers with agent:stop can call it. Stopping a stopped agent changes nothing and returns it.

create function mayfly.stop_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.stop_agent(id, reason);

comment on function mayfly.stop_agent is 'Stops an agent and its descendants. Returns the agent.';
grant execute on function mayfly.stop_agent to authenticated, service_role;
