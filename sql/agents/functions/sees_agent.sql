-- Whether the caller may see an agent of its tenant. Functions that read as the owner call it, because row-level
-- security does not apply to the owner. The policy of mayfly.agents has the same rule.

create function mayfly_private.sees_agent(agent mayfly.agents)
returns boolean
language sql stable security definer
set search_path = ''
return agent.tenant_id = any (mayfly_private.tenant_ids('agent:read'))
  or agent.id = any (mayfly_private.own_agent_ids());

comment on function mayfly_private.sees_agent is 'Whether the caller may see an agent.';
