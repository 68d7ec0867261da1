-- The definer half of mayfly.stop_agent. Descendants are dead by the definition of alive; their rows
-- are left to reap, so that nothing races. Locks the agent's row.

create function mayfly_private.stop_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(stop_agent.agent_id, caller.id)
  for no key update;
  if agent.id is null then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  elsif not (agent.id = caller.id or caller.id = any (agent.ancestors)
    or of_tenant = any (mayfly_private.tenant_ids('agent:stop'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'An agent stops itself and its descendants without it.', '{"scope": "agent:stop"}');
  elsif char_length(reason) > 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 500 characters.', null, '{"field": "reason"}');
  end if;

  if agent.status in ('running', 'suspended') then
    update mayfly.agents a
    set status = 'stopped', stopped_at = clock_timestamp(), stop_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

comment on function mayfly_private.stop_agent(uuid, text) is 'Stops an agent of the caller''s tenant.';
revoke execute on function mayfly_private.stop_agent(uuid, text) from public;
grant execute on function mayfly_private.stop_agent(uuid, text) to authenticated, service_role;
