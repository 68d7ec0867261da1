-- Locks a state for writing until commit and returns it. If the state does not exist, its row is created without a
-- version. Callers with state:write can write shared states. An agent's states can be written by the agent, its
-- ancestors, and the admins and owners of the tenant. Every function that writes state calls it first, as owner.
--
-- It compares expected_version under the lock, so if several writers expect the same version, only one succeeds. An
-- expected version of 0 means that the state must not exist: it was never created, or it is deleted or expired.

create function mayfly_private.lock_state(key text, of_agent uuid, expected_version integer)
returns mayfly.states
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  owner mayfly.agents;
  state mayfly.states;
  present integer;
begin
  if key is null or char_length(key) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'key must have 1 to 200 characters.', null, '{"field": "key"}');
  elsif expected_version < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'expected_version must be at least 0.',
      'Pass the version that you read, 0 if the state must not exist, or nothing to write unconditionally.', '{"field": "expected_version"}');
  end if;
  if of_agent is not null then
    select * into owner from mayfly.agents a where a.tenant_id = of_tenant and a.id = of_agent;
    if owner.id is null then
      perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "of_agent"}');
    elsif (caller.kind = 'agent' and caller.id <> all (owner.ancestors || owner.id))
      or caller.kind = 'client'
      or (caller.kind = 'person' and mayfly_private.acting_role(of_tenant) not in ('admin', 'owner')) then
      perform mayfly_private.fail(403, 'state_not_writable', 'Only the agent itself, its ancestors and admins may write its state.',
        'Write your own state, or a shared one.', '{"field": "of_agent"}');
    end if;
  end if;

  select * into state from mayfly.states s
  where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = lock_state.key
  for update;
  if not found then
    insert into mayfly.states (tenant_id, agent_id, key, version, deleted_at)
    values (of_tenant, of_agent, key, 0, mayfly_private.now())
    on conflict on constraint states_key_key do nothing;
    select * into strict state from mayfly.states s
    where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = lock_state.key
    for update;
  end if;

  present := case when mayfly_private.is_live(state) then state.version else 0 end;
  if expected_version <> present then
    perform mayfly_private.fail(409, 'version_conflict',
      case present when 0 then 'The state does not exist.' else format('The state is at version %s.', present) end,
      'Read it again, then decide whether to write.', jsonb_build_object('expected', expected_version, 'version', present));
  end if;
  return state;
end
$$;

comment on function mayfly_private.lock_state is 'Locks a state for writing.';
