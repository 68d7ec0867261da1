-- Makes the card of an agent. It is a definer, because whether the agent is alive depends on ancestors that the caller
-- may not see. Locks nothing.

create function mayfly_private.get_agent(agent_id uuid)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(get_agent.agent_id, mayfly_private.caller_id());
  if agent.id is null or not mayfly_private.sees_agent(agent) then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  end if;
  return mayfly_private.card(agent);
end
$$;

comment on function mayfly_private.get_agent is 'The card of an agent of the caller''s tenant.';
grant execute on function mayfly_private.get_agent to authenticated, service_role;

-- The card of an agent or, without an id, of the caller. Callers with agent:read, the agent itself and its ancestors
-- can read the card.

create function mayfly.get_agent(id uuid default null)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.get_agent(id);

comment on function mayfly.get_agent is
  'The card of an agent: who it is, what it can do, what it is doing, how long it has left, and how many children it has.';
grant execute on function mayfly.get_agent to authenticated, service_role;
