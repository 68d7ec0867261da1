-- Resumes an agent. The caller gets the agent's token, so the caller must have all scopes of the agent. Locks the
-- agent's row, and what charge locks.

create function mayfly_private.resume_agent(agent_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
  current_status constant text := mayfly_private.effective_status(agent);
begin
  if current_status in ('stopped', 'expired') then
    perform mayfly_private.refuse_transition(current_status, 'running');
  elsif agent.status = 'running' then
    perform mayfly_private.fail(409, 'transition_not_allowed',
      case current_status when 'running' then 'The agent is already running.'
        else 'The agent itself is running, but one of its ancestors is suspended.' end,
      'Only a suspended agent can be resumed. Its descendants resume with it.',
      jsonb_build_object('from', 'running', 'to', 'running'));
  end if;
  perform mayfly_private.check_scopes(agent.scopes, array(
    select s.name from mayfly.scopes s where agent.tenant_id = any (mayfly_private.tenant_ids(s.name))));

  -- This also charges for the suspension. Suspending itself charges nothing, because it must never be refused. Without
  -- this charge, suspending and resuming in a loop could fill the log.
  perform mayfly_private.charge(agent.tenant_id, 0, 0, 2);
  update mayfly.agents a
  set status = 'running', suspended_at = null, suspend_reason = null
  where a.tenant_id = agent.tenant_id and a.id = agent.id;
  agent := mayfly_private.extend_life(agent.tenant_id, agent.id);
  if agent.id is null then
    perform mayfly_private.fail(409, 'agent_suspended', 'One of the agent''s ancestors is suspended.',
      'Resume the ancestor first.');
  end if;
  perform mayfly_private.void_secrets(agent.tenant_id, agent.id);
  return mayfly_private.issue_token(agent.tenant_id, agent.id);
end
$$;

comment on function mayfly_private.resume_agent is 'Resumes a suspended agent of the caller''s tenant.';
grant execute on function mayfly_private.resume_agent to authenticated, service_role;

-- Resumes a suspended agent, together with its descendants that are not suspended themselves. Called by the spawn
-- function with the identity of its caller. Ancestors of the agent and callers with agent:stop can call it. Older
-- renewal secrets of the agent stop working. The caller gets a new secret, with the claims to sign.

create function mayfly.resume_agent(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.resume_agent(id);

comment on function mayfly.resume_agent is
  'Resumes a suspended agent with its descendants. Returns { agent, type, claims, renewal_secret }.';
grant execute on function mayfly.resume_agent to authenticated, service_role;
