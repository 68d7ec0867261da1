-- An agent as others see it. Called by get_agent, find_agents and agent_tree, as owner, for agents
-- that the caller may see. Locks nothing.

create function mayfly_private.card(agent mayfly.agents)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'id', agent.id,
    'name', agent.name,
    'type', agent.type,
    'type_version', agent.type_version,
    'role', (select d.role from mayfly.agent_types d
      where d.tenant_id = agent.tenant_id and d.name = agent.type and d.version = agent.type_version),
    'capabilities', to_jsonb(agent.capabilities),
    'scopes', to_jsonb(agent.scopes),
    'status', now.status,
    'activity', agent.activity,
    'task', agent.task,
    'parent', agent.parent_id,
    'depth', agent.depth,
    'children', case when now.status in ('stopped', 'expired') then 0 else (
      select count(*) from mayfly.agents c
      where c.tenant_id = agent.tenant_id and c.parent_id = agent.id
        and c.status in ('running', 'suspended') and c.expires_at > (select mayfly_private.now())) end,
    'seconds_left', mayfly_private.seconds_left(agent),
    'spawned_at', agent.spawned_at,
    'expires_at', agent.expires_at,
    'last_seen_at', (select l.last_seen_at from mayfly.agent_liveness l
      where l.tenant_id = agent.tenant_id and l.agent_id = agent.id),
    'stopped_at', agent.stopped_at,
    'stop_reason', agent.stop_reason,
    'suspend_reason', agent.suspend_reason,
    'metadata', agent.metadata)
  from (select mayfly_private.effective_status(agent) as status) now
);

comment on function mayfly_private.card is 'The card of an agent.';
