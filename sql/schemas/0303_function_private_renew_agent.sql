-- The definer half of mayfly.renew_agent. The secret's hash comes in a token of 30 s that the spawn
-- function signs (claim mayfly.renewal): the secret suffices alone, so nothing else is asked. Locks
-- the secret's row, so that of two uses at once one is the second.
--
-- Each use gives a new secret. One whose answer was lost works once more for 30 s, and voids the
-- secret of the lost answer. Any other second use means that two hold it: the agent is suspended.

create function mayfly_private.renew_agent()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  secret mayfly_private.renewal_secrets;
  agent mayfly.agents;
begin
  if claims ->> 'iss' = 'mayfly' and claims ->> 'role' = 'authenticated' and mayfly_private.is_timely(claims) then
    select * into secret from mayfly_private.renewal_secrets s
    where s.hash = mayfly_private.bytes_of_hex(claims -> 'mayfly' ->> 'renewal')
    for update;
  end if;
  if secret.hash is null then
    perform mayfly_private.fail(401, 'renewal_refused', 'The renewal secret is not known.', 'Spawn another agent.');
  end if;

  if secret.spent or secret.used_at < clock_timestamp() - interval '30 seconds' then
    update mayfly.agents a
    set status = 'suspended', suspended_at = clock_timestamp(), suspend_reason = 'renewal secret used twice'
    where a.tenant_id = secret.tenant_id and a.id = secret.agent_id and a.status = 'running';
    -- Returned, not raised: raising would undo the suspension.
    return jsonb_build_object('refused', 'renewal_reused');
  end if;

  update mayfly_private.renewal_secrets s
  set used_at = clock_timestamp(), spent = secret.used_at is not null
  where s.hash = secret.hash;
  update mayfly_private.renewal_secrets s
  set spent = true
  where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.used_at is null;

  agent := mayfly_private.extend_life(secret.tenant_id, secret.agent_id);
  if agent.id is null then
    perform mayfly_private.fail(401, 'agent_not_alive', 'The agent, or an ancestor of it, has stopped, expired or been suspended.',
      'Spawn another agent.');
  end if;
  return mayfly_private.issue_token(agent.tenant_id, agent.id);
end
$$;

comment on function mayfly_private.renew_agent() is 'Renews the agent whose renewal secret the token names.';
revoke execute on function mayfly_private.renew_agent() from public;
grant execute on function mayfly_private.renew_agent() to authenticated;
