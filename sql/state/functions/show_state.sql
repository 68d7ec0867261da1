-- A state as readers get it, or null if it does not exist.

create function mayfly_private.show_state(state mayfly.states)
returns jsonb
language sql stable
set search_path = ''
return case when mayfly_private.is_live(state) then to_jsonb(state) - 'tenant_id' - 'deleted_at' end;

comment on function mayfly_private.show_state is 'A state as readers get it.';
grant execute on function mayfly_private.show_state to authenticated, service_role;
