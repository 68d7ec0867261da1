-- The current status of an agent. Its row may still say `running` after its lifetime is over or an ancestor has ended.
-- While an ancestor is suspended, the agent is suspended too. Called by functions that show agents, and before a change
-- of status. Locks nothing. It is PL/pgSQL, because a definer function in SQL is planned at each call, which takes 0.3
-- ms.

create function mayfly_private.effective_status(agent mayfly.agents)
returns text
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if agent.status in ('stopped', 'expired') then
    return agent.status;
  end if;
  return (
  select case
    when agent.expires_at <= (select mayfly_private.now()) then 'expired'
    when count(*) filter (where line.status in ('stopped', 'expired') or line.expires_at <= (select mayfly_private.now())) > 0 then 'stopped'
    when agent.status = 'suspended' or count(*) filter (where line.status = 'suspended') > 0 then 'suspended'
    else 'running'
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors));
end
$$;

comment on function mayfly_private.effective_status is 'The current status of an agent, including that of its ancestors.';
