-- Writes the next version of a locked state: a value, or no value to delete the state. The newest hundred versions are
-- kept, and the tenant is charged for the difference in size. Runs as owner, for callers that got the state from
-- lock_state. The charge of 256 bytes covers a version's row, its index and its event.

create function mayfly_private.write_state(state mayfly.states, new_value jsonb, action text, expires_at timestamptz)
returns mayfly.states
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  written mayfly.states;
  bytes constant integer := 256 + coalesce(octet_length(new_value::text), 0);
  dropped bigint;
begin
  if not mayfly_private.is_state_value(new_value) then
    perform mayfly_private.fail(400, 'invalid_request', 'The value of a state must be at most 256 KB of JSON with at most 32 levels.',
      'Split it over several keys, or store a reference to it.', '{"field": "value"}');
  elsif expires_at <= instant then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must be in the future.', null, '{"field": "expires_at"}');
  end if;
  perform mayfly_private.check_numbers(new_value, 'value');
  update mayfly.states s
  set version = s.version + 1, value = new_value, updated_by = mayfly_private.caller_id(), updated_at = instant,
    created_at = case when mayfly_private.is_live(state) then s.created_at else instant end,
    expires_at = write_state.expires_at, deleted_at = case when new_value is null then instant end
  where s.tenant_id = state.tenant_id and s.id = state.id
  returning * into strict written;

  insert into mayfly.state_versions (tenant_id, state_id, version, value, bytes, action, by, at)
  values (written.tenant_id, written.id, written.version, new_value, bytes, write_state.action, written.updated_by, instant);
  with gone as (
    delete from mayfly.state_versions v
    where v.tenant_id = written.tenant_id and v.state_id = written.id and v.version <= written.version - 100
    returning v.bytes
  )
  select coalesce(sum(g.bytes), 0) into dropped from gone g;
  perform mayfly_private.charge(written.tenant_id, 0, bytes - dropped, 1);
  return written;
end
$$;

comment on function mayfly_private.write_state is 'Writes the next version of a locked state.';
