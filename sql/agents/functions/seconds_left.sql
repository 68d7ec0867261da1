-- How many seconds an agent has left, with three decimals, until it or the first of its ancestors ends. 0 after the
-- agent's end. Renewing the agent can extend this time.

create function mayfly_private.seconds_left(agent mayfly.agents)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select case
    when mayfly_private.effective_status(agent) in ('stopped', 'expired') then 0
    else round(greatest(extract(epoch from least(agent.expires_at, min(line.expires_at)) - mayfly_private.now()), 0), 3)
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors)
);

comment on function mayfly_private.seconds_left is 'How many seconds an agent may still live.';
