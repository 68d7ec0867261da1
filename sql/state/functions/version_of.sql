-- The value of a state at a version. Fails if the version is no longer kept or was a deletion. Runs as owner,
-- for states that the caller got from lock_state.

create function mayfly_private.version_of(state mayfly.states, wanted integer, field text)
returns mayfly.state_versions
language plpgsql stable security definer
set search_path = ''
as $$
declare
  found_version mayfly.state_versions;
begin
  select * into found_version from mayfly.state_versions v
  where v.tenant_id = state.tenant_id and v.state_id = state.id and v.version = wanted;
  if found_version.value is null then
    perform mayfly_private.fail(404, 'version_unknown', format('The state has no value at version %s.', wanted),
      'Only the newest 100 versions are kept. state_history lists them.', jsonb_build_object('field', field));
  end if;
  return found_version;
end
$$;

comment on function mayfly_private.version_of is 'A state at a version.';
