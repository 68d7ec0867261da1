-- Builds trees of agents. It is a definer, because whether an agent is alive depends on ancestors that the caller may
-- not see. Locks nothing.

create function mayfly_private.agent_tree(root uuid, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('agent:read'));
  top constant uuid := coalesce(root, case when not sees_all then mayfly_private.caller_id() end);
  agent mayfly.agents;
begin
  if top is not null then
    select * into agent from mayfly.agents a where a.tenant_id = tenant and a.id = top;
    if agent.id is null or not mayfly_private.sees_agent(agent) then
      perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "root"}');
    end if;
  end if;
  if 1000 < (
    select count(*) from (
      select from mayfly.agents a
      where a.tenant_id = tenant and (top is null or a.ancestors @> array[top])
        and (not living or a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now()))
      limit 1001) counted) then
    perform mayfly_private.fail(413, 'tree_too_large', 'The tree has more than 1000 agents.',
      'Ask for a part of it by its root, or list children with find_agents.', '{"field": "root"}');
  end if;

  return (
    select coalesce(jsonb_agg(mayfly_private.subtree(a, living) order by a.spawned_at, a.id), '[]')
    from mayfly.agents a
    where a.tenant_id = tenant
      and case when top is null then a.parent_id is null else a.id = top end
      and (not living or mayfly_private.effective_status(a) in ('running', 'suspended')));
end
$$;

comment on function mayfly_private.agent_tree is 'Agents of the caller''s tenant as trees.';
grant execute on function mayfly_private.agent_tree to authenticated, service_role;

-- Agents with their children as trees: those of the whole tenant, or those below one agent. For callers with
-- agent:read. An agent without this scope sees itself and its descendants.

create function mayfly.agent_tree(root uuid default null, living boolean default true)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.agent_tree(root, coalesce(living, true));

comment on function mayfly.agent_tree is
  'An array of root cards, whose `children` are cards. Only living agents by default. At most 1000 agents.';
grant execute on function mayfly.agent_tree to authenticated, service_role;
