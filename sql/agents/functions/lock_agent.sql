-- Returns an agent of the caller's tenant (without an id, the caller itself), if the caller may stop, suspend or resume
-- that agent. The caller may do so to itself, to its descendants and, with agent:stop, to any agent. For an agent of
-- another tenant, the error is the same as for one that does not exist. Locks the agent's row.

create function mayfly_private.lock_agent(agent_id uuid)
returns mayfly.agents
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(lock_agent.agent_id, caller.id)
  for no key update;
  if agent.id is null then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  elsif not (coalesce(agent.id = caller.id or caller.id = any (agent.ancestors), false)
    or of_tenant = any (mayfly_private.tenant_ids('agent:stop'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'An agent needs it for agents other than itself and its descendants.', '{"scope": "agent:stop"}');
  end if;
  return agent;
end
$$;

comment on function mayfly_private.lock_agent is 'Locks an agent that the caller may stop, suspend or resume.';
