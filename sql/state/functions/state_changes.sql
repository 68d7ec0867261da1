-- Versions of states by { id, version }, at most 100, in the given order. Readers that follow the log use this
-- function. It leaves out versions that the caller may not see or that are no longer kept. For callers with state:read.
-- Locks nothing.

create function mayfly.state_changes(changes jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if jsonb_typeof(changes) is distinct from 'array' or jsonb_array_length(changes) > 100 or exists (
    select from jsonb_array_elements(changes) c
    where mayfly_private.to_uuid(c ->> 'id') is null or not coalesce(jsonb_typeof(c -> 'version') = 'number', false)) then
    perform mayfly_private.fail(400, 'invalid_request', 'changes must be a list of at most 100 { id, version }.', null, '{"field": "changes"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'key', s.key, 'agent_id', s.agent_id, 'version', v.version,
      'value', v.value, 'action', v.action, 'by', v.by, 'at', v.at) order by c.n), '[]')
    from jsonb_array_elements(changes) with ordinality as c (change, n)
    join mayfly.states s on s.tenant_id = of_tenant and s.id = (c.change ->> 'id')::uuid
    join mayfly.state_versions v on v.tenant_id = of_tenant and v.state_id = s.id and v.version = (c.change ->> 'version')::numeric);
end
$$;

comment on function mayfly.state_changes is
  'Versions of states by { id, version }: [{ id, key, agent_id, version, value, action, by, at }].';
grant execute on function mayfly.state_changes to authenticated, service_role;
