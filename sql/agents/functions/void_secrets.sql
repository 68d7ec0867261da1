-- Deletes every renewal secret of an agent, so that nobody can renew or suspend the agent with one of them. Called
-- by resuming and registering an agent, before a new secret is given to another holder.

create function mayfly_private.void_secrets(tenant uuid, agent uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  delete from mayfly_private.renewal_secrets s where s.tenant_id = tenant and s.agent_id = agent;
end;

comment on function mayfly_private.void_secrets is 'Invalidates every renewal secret of an agent.';
