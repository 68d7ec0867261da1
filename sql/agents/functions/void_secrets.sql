-- Deletes every renewal secret of an agent, so that their holders can neither renew nor suspend it. Resuming and
-- registering an agent call it before they give a new secret to another holder.

create function mayfly_private.void_secrets(tenant uuid, agent uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  delete from mayfly_private.renewal_secrets s where s.tenant_id = tenant and s.agent_id = agent;
end;

comment on function mayfly_private.void_secrets is 'Invalidates every renewal secret of an agent.';
