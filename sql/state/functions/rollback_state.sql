-- Gives a state the value of one of its earlier versions, as a new version. A deleted state comes back. For callers
-- with state:write (see lock_state). Locks the state until commit.

create function mayfly_private.rollback_state(key text, version integer, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  earlier constant mayfly.state_versions := mayfly_private.version_of(state, rollback_state.version, 'version');
begin
  return mayfly_private.show_state(mayfly_private.write_state(
    state, earlier.value, 'rollback', case when mayfly_private.is_live(state) then state.expires_at end));
end
$$;

comment on function mayfly_private.rollback_state is 'Restores an earlier version of a state.';
grant execute on function mayfly_private.rollback_state to authenticated, service_role;

create function mayfly.rollback_state(key text, version integer, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.rollback_state(key, version, of_agent, expected_version);

comment on function mayfly.rollback_state is 'Restores the value of an earlier version, as a new version.';
grant execute on function mayfly.rollback_state to authenticated, service_role;
