-- Whether anybody wants an agent's debug records now: a watcher, or the tenant if it keeps records. The agent gets this
-- answer when it is spawned, with each new token, and with each heartbeat. If the agent is watched and has no live
-- connection, it then opens one. Called as owner.

create function mayfly_private.is_watched(tenant uuid, agent uuid)
returns boolean
language sql stable security definer
set search_path = ''
return exists (
  select from mayfly_private.debug_leases l
  where l.tenant_id = tenant and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())
) or exists (
  select from mayfly.tenants t where t.id = tenant and (t.debug ->> 'persist')::boolean
);

comment on function mayfly_private.is_watched is 'Whether anybody wants an agent''s debug records.';
