-- Deletes a state. The versions of the state stay until maintenance removes its tombstone, so until then the state can
-- be rolled back. For callers with state:write (see lock_state). Locks the state until commit.

create function mayfly_private.delete_state(key text, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
begin
  if state.version = 0 then
    delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
    return '{"deleted": false, "version": 0}';
  elsif state.deleted_at is not null then
    return jsonb_build_object('deleted', false, 'version', state.version);
  end if;
  state := mayfly_private.write_state(state, null, 'delete', null);
  return jsonb_build_object('deleted', true, 'version', state.version);
end
$$;

comment on function mayfly_private.delete_state is 'Deletes a state.';
grant execute on function mayfly_private.delete_state to authenticated, service_role;

create function mayfly.delete_state(key text, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_state(key, of_agent, expected_version);

comment on function mayfly.delete_state is
  'Deletes a state: { deleted, version }. deleted is false if there was none.';
grant execute on function mayfly.delete_state to authenticated, service_role;
