-- Restarts the lifetime of a living agent, if the agent was spawned with `renew` or the caller asks for it (`chosen`).
-- The new end is limited by the maximum lifetimes of the tenant and of the agent's type, and by the parent's end. A new
-- token alone does not extend the lifetime: an agent with a lifetime of 60 s ends after 60 s, however often its process
-- renews the token. Returns null if the agent or an ancestor is not alive. Called by renewing, resuming and
-- registering. Locks the agent's row. Ancestors are read by ranges of ids for the reason in living_agent_of_token.

create function mayfly_private.extend_life(tenant uuid, agent uuid, chosen boolean default true)
returns mayfly.agents
language sql security definer
set search_path = ''
as $$
  update mayfly.agents a
  set expires_at = case when coalesce(a.renews, true) or chosen then greatest(a.expires_at, least(
    mayfly_private.now() + a.lifetime,
    a.spawned_at + t.max_lifetime,
    a.spawned_at + (select d.max_lifetime from mayfly.agent_types d
      where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version),
    (select p.expires_at from mayfly.agents p where p.tenant_id = a.tenant_id and p.id = a.parent_id))) else a.expires_at end
  from mayfly.tenants t
  where t.id = a.tenant_id and a.tenant_id = extend_life.tenant and a.id = extend_life.agent
    and not exists (
      select from unnest(a.ancestors || a.id) i
      cross join lateral (
        select l.status, l.expires_at from mayfly.agents l
        where l.tenant_id = a.tenant_id and l.id between i and i
        order by l.id limit 1) line
      where line.status <> 'running' or line.expires_at <= mayfly_private.now())
  returning a.*;
$$;

comment on function mayfly_private.extend_life is 'Restarts the lifetime of a living agent.';
