-- Replaces a renewal secret with a new one. It is a definer, because the secret is all that the caller has. The spawn
-- function signs a token that is valid for 30 s and contains the secret's hash (claim mayfly.renewal). No other proof
-- is needed. Like resuming, renewing locks the agent's row before it reads the secrets, so simultaneous uses are judged
-- one by one.
--
-- Each use of a secret returns a secret of the next round. For 30 s after its first use, a secret still works, up to 20
-- times in all, because an answer may have been lost. Two cases show that two processes hold the agent, which is then
-- suspended. In one, a secret of the round before the newest is used more than 30 s after its first use. In the other,
-- such a secret is used for the first time, although another secret of its round was used before. Secrets of older
-- rounds are deleted, so old copies of them do no harm.

create function mayfly_private.renew_agent(extend boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  given bytea;
  secret mayfly_private.renewal_secrets;
  newest integer;
  agent mayfly.agents;
begin
  if headers ? 'x-mayfly-functions' then
    perform mayfly_private.check_version(headers ->> 'x-mayfly-functions');
  end if;
  if claims ->> 'iss' = 'mayfly' and claims ->> 'role' = 'authenticated' and mayfly_private.is_timely(claims) then
    given := mayfly_private.bytes_of_hex(claims -> 'mayfly' ->> 'renewal');
    perform from mayfly.agents a
    where (a.tenant_id, a.id) in (select s.tenant_id, s.agent_id from mayfly_private.renewal_secrets s where s.hash = given)
    for no key update;
    -- The secret is read under the lock, because another use or a resume may just have used or deleted it.
    select * into secret from mayfly_private.renewal_secrets s where s.hash = given;
  end if;
  if secret.hash is null then
    perform mayfly_private.fail(401, 'renewal_refused', 'The renewal secret is not known.',
      'It never existed, or a newer one has replaced it. Spawn another agent.');
  end if;

  newest := (select max(s.round) from mayfly_private.renewal_secrets s
    where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id);
  if secret.round < newest and coalesce(secret.used_at < mayfly_private.now() - interval '30 seconds', true) then
    update mayfly.agents a
    set status = 'suspended', suspended_at = mayfly_private.now(), suspend_reason = 'renewal secret used twice'
    where a.tenant_id = secret.tenant_id and a.id = secret.agent_id and a.status = 'running';
    -- The refusal is returned, not raised, because an error would undo the suspension.
    return jsonb_build_object('refused', 'renewal_reused');
  end if;

  -- Each use leaves a row, and no quota limits these rows.
  if (select count(*) from mayfly_private.renewal_secrets s
      where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.round > secret.round) >= 20 then
    perform mayfly_private.fail(429, 'rate_limited', 'This renewal secret was used 20 times.',
      'Renew with a secret from one of the answers.', '{"quota": "renewals", "limit": 20}', 30);
  end if;

  update mayfly_private.renewal_secrets s
  set used_at = coalesce(s.used_at, mayfly_private.now())
  where s.hash = secret.hash;
  delete from mayfly_private.renewal_secrets s
  where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.round < secret.round;

  agent := mayfly_private.extend_life(secret.tenant_id, secret.agent_id, coalesce(extend, false));
  if agent.id is null then
    perform mayfly_private.fail(401, 'agent_not_alive', 'The agent or one of its ancestors has stopped, expired or been suspended.',
      'Spawn another agent.');
  end if;
  return mayfly_private.issue_token(agent.tenant_id, agent.id, secret.round + 1);
end
$$;

comment on function mayfly_private.renew_agent is 'Renews the agent whose renewal secret the token names.';
grant execute on function mayfly_private.renew_agent to authenticated;

-- Renews the token of an agent. The spawn function calls it with a token that names the hash of the renewal secret.
-- With extend, or if the agent was spawned with renew, the agent's life is also extended (see extend_life). Returns
-- what spawn_agent returns, or { refused } if two processes hold the agent.

create function mayfly.renew_agent(extend boolean default false)
returns jsonb
language sql
set search_path = ''
return mayfly_private.renew_agent(extend);

comment on function mayfly.renew_agent is 'Renews the agent whose renewal secret the token names.';
grant execute on function mayfly.renew_agent to authenticated;
