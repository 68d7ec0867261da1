-- Whether readers can see a state: it has a value and has not expired.

create function mayfly_private.is_live(state mayfly.states)
returns boolean
language sql stable
set search_path = ''
return state.id is not null and state.deleted_at is null and (state.expires_at is null or state.expires_at > mayfly_private.now());

comment on function mayfly_private.is_live is 'Whether a state exists for its readers.';
grant execute on function mayfly_private.is_live to authenticated, service_role;
