-- The agent that an agent's token names, as a caller. Null if the agent may no longer act. A token stops working at
-- once when its agent or one of the agent's ancestors is stopped, suspended or expired. Called by
-- mayfly_private.caller. Locks nothing.

create function mayfly_private.living_agent_of_token(claims jsonb, chosen text)
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  tenant constant uuid := mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant');
  agent_id constant uuid := mayfly_private.to_uuid(claims ->> 'sub');
  agent record;
begin
  select a.scopes, a.ancestors into agent
  from mayfly.agents a
  where a.tenant_id = tenant and a.id = agent_id and a.status = 'running' and a.expires_at > instant
    and (chosen is null or chosen = tenant::text);
  if not found then
    return null;
  end if;
  -- Most agents have no ancestors, and need no second query.
  if cardinality(agent.ancestors) > 0 then
    if exists (
      select from mayfly.agents line
      where line.tenant_id = tenant and line.id = any (agent.ancestors) and (line.status <> 'running' or line.expires_at <= instant)) then
      return null;
    end if;
  end if;
  return row('agent', agent_id, tenant, agent.scopes, chosen, agent.scopes)::mayfly_private.caller;
end
$$;

comment on function mayfly_private.living_agent_of_token is 'The agent that a token names. Null if the agent may no longer act.';
