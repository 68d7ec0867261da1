-- Sets the whole value of a state of an agent, or of a shared state if there is no of_agent. Without expires_at, the
-- state stays until it is deleted. For callers with state:write (see lock_state). Locks the state until commit.

create function mayfly_private.set_state(key text, value jsonb, of_agent uuid, expected_version integer, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
begin
  -- The Data API turns a JSON null into an SQL null.
  return mayfly_private.show_state(mayfly_private.write_state(state, coalesce(value, 'null'), 'set', expires_at));
end
$$;

comment on function mayfly_private.set_state is 'Sets a state.';
grant execute on function mayfly_private.set_state to authenticated, service_role;

create function mayfly.set_state(
  key text, value jsonb, of_agent uuid default null, expected_version integer default null, expires_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_state(key, value, of_agent, expected_version, expires_at);

comment on function mayfly.set_state is
  'Sets a state: { id, agent_id, key, version, value, … }. With expected_version, only if it is at that version (0: does not exist).';
grant execute on function mayfly.set_state to authenticated, service_role;
