-- Gives a living agent its lifetime again, within the tenant's and its type's maximum and its
-- parent's end. Null where it, or an ancestor, is not alive. Called by renewal, resuming and
-- registration. Locks the agent's row.

create function mayfly_private.extend_life(tenant uuid, agent uuid)
returns mayfly.agents
language sql security definer
set search_path = ''
begin atomic
  update mayfly.agents a
  set expires_at = greatest(a.expires_at, least(
    mayfly_private.now() + a.lifetime,
    a.spawned_at + t.max_lifetime,
    a.spawned_at + (select d.max_lifetime from mayfly.agent_types d
      where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version),
    (select p.expires_at from mayfly.agents p where p.tenant_id = a.tenant_id and p.id = a.parent_id)))
  from mayfly.tenants t
  where t.id = a.tenant_id and a.tenant_id = extend_life.tenant and a.id = extend_life.agent
    and not exists (
      select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
        and (line.status <> 'running' or line.expires_at <= mayfly_private.now()))
  returning a.*;
end;

comment on function mayfly_private.extend_life is 'Gives a living agent its lifetime again.';
