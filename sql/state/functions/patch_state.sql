-- Changes a state by a JSON merge patch (RFC 7396): a key replaces its value, objects are merged at every level, and
-- null removes a key. A missing state begins as {}. For callers with state:write (see lock_state). Locks the state
-- until commit.

create function mayfly_private.patch_state(key text, patch jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  live constant boolean := mayfly_private.is_live(state);
begin
  if jsonb_typeof(patch) is distinct from 'object' or not mayfly_private.is_state_value(patch) then
    perform mayfly_private.fail(400, 'invalid_request', 'patch must be an object of at most 256 KB, with at most 32 levels.',
      'Use set_state for values that are not objects.', '{"field": "patch"}');
  end if;
  perform mayfly_private.check_numbers(patch, 'patch');
  return mayfly_private.show_state(mayfly_private.write_state(state,
    mayfly_private.merge_patch(case when live then state.value end, patch), 'patch', case when live then state.expires_at end));
end
$$;

comment on function mayfly_private.patch_state is 'Changes a state with a merge patch.';
grant execute on function mayfly_private.patch_state to authenticated, service_role;

create function mayfly.patch_state(key text, patch jsonb, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.patch_state(key, patch, of_agent, expected_version);

comment on function mayfly.patch_state is
  'Changes a state with a JSON merge patch (RFC 7396). Returns the new state.';
grant execute on function mayfly.patch_state to authenticated, service_role;
