-- Deletes every renewal secret of an agent, so that their holders can neither renew nor suspend it. Called before a
-- new secret goes to another holder, by resuming and registering.

create function mayfly_private.void_secrets(tenant uuid, agent uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  delete from mayfly_private.renewal_secrets s where s.tenant_id = tenant and s.agent_id = agent;
end;

comment on function mayfly_private.void_secrets is 'Makes every renewal secret of an agent unknown.';
