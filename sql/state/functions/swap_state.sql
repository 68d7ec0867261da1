-- Sets a state if it still has a certain version (version 0 means that it does not exist), and always returns the
-- current state: { written, state }. This function is for callers that read, compute and write while others do the
-- same. Each attempt needs only one call, because the answer to a failed attempt has the state from which to compute
-- again. Without expires_at, the state keeps its expiry. Needs state:write (see lock_state), and state:read for the
-- answer. Locks the state until commit.

create function mayfly_private.swap_state(key text, expected_version integer, value jsonb, of_agent uuid, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('state:read');
  state mayfly.states;
  present integer;
begin
  if expected_version is null then
    perform mayfly_private.fail(400, 'invalid_request', 'expected_version must be the version that you read, or 0 if the state must not exist.',
      'To write unconditionally, use set_state.', '{"field": "expected_version"}');
  elsif expected_version < 0 then
    perform mayfly_private.lock_state(key, of_agent, expected_version);
  end if;
  state := mayfly_private.lock_state(key, of_agent, null);
  present := case when mayfly_private.is_live(state) then state.version else 0 end;
  if present = expected_version then
    state := mayfly_private.write_state(state, coalesce(value, 'null'), 'set',
      coalesce(swap_state.expires_at, case when mayfly_private.is_live(state) then state.expires_at end));
    return jsonb_build_object('written', true, 'state', mayfly_private.show_state(state));
  elsif state.version = 0 then
    -- lock_state has created this row, and nothing was written to it.
    delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
  end if;
  return jsonb_build_object('written', false, 'state', mayfly_private.show_state(state));
end
$$;

comment on function mayfly_private.swap_state is 'Sets a state if it is at a version.';
grant execute on function mayfly_private.swap_state to authenticated, service_role;

create function mayfly.swap_state(
  key text, expected_version integer, value jsonb, of_agent uuid default null, expires_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.swap_state(key, expected_version, value, of_agent, expires_at);

comment on function mayfly.swap_state is
  'Sets a state if it is at a version (0: does not exist). Returns { written, state }, with the current state.';
grant execute on function mayfly.swap_state to authenticated, service_role;
