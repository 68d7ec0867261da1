-- The current status of an agent. Its row may still say `running` after its lifetime is over or an ancestor has ended.
-- While an ancestor is suspended, the agent is suspended too. Called by functions that show agents, and before a change
-- of status. Locks nothing. It is PL/pgSQL, because a definer function in SQL is planned at each call, which takes 0.3
-- ms. Ancestors are read by ranges of ids for the reason in living_agent_of_token.

create function mayfly_private.effective_status(agent mayfly.agents)
returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
begin
  if agent.status in ('stopped', 'expired') then
    return agent.status;
  elsif agent.expires_at <= ts then
    return 'expired';
  elsif cardinality(agent.ancestors) = 0 then
    return agent.status;
  end if;
  return (
    select case
      when bool_or(line.status in ('stopped', 'expired') or line.expires_at <= ts) then 'stopped'
      when agent.status = 'suspended' or bool_or(line.status = 'suspended') then 'suspended'
      else 'running'
    end
    from unnest(agent.ancestors) i
    cross join lateral (
      select a.status, a.expires_at from mayfly.agents a
      where a.tenant_id = agent.tenant_id and a.id between i and i
      order by a.id limit 1) line);
end
$$;

comment on function mayfly_private.effective_status is 'The current status of an agent, including that of its ancestors.';
