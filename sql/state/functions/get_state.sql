-- A state, or its value at a version. Null if there is none. For callers with state:read. Locks nothing.

create function mayfly.get_state(key text, of_agent uuid default null, version integer default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
  state mayfly.states;
begin
  select * into state from mayfly.states s
  where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = get_state.key;
  if get_state.version is null then
    return mayfly_private.show_state(state);
  end if;
  return (
    select jsonb_build_object('id', state.id, 'agent_id', state.agent_id, 'key', state.key, 'version', v.version,
      'value', v.value, 'action', v.action, 'by', v.by, 'at', v.at)
    from mayfly.state_versions v
    where v.tenant_id = of_tenant and v.state_id = state.id and v.version = get_state.version);
end
$$;

comment on function mayfly.get_state is
  'A state of an agent (or a shared state, without of_agent), now or at a version. Null if there is none.';
grant execute on function mayfly.get_state to authenticated, service_role;
