-- The kept versions of a state, newest first, without their values: who made each, how and when. Works for a deleted
-- state too. For callers with state:read. Locks nothing.

create function mayfly.state_history(key text, of_agent uuid default null, before integer default null, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if page_limit is null or page_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 100.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(v) order by v.version desc), '[]')
    from (
      select v.version, v.action, v.by, v.at, v.bytes
      from mayfly.states s
      join mayfly.state_versions v on v.tenant_id = s.tenant_id and v.state_id = s.id
      where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = state_history.key
        and (before is null or v.version < before)
      order by v.version desc
      limit page_limit) v);
end
$$;

comment on function mayfly.state_history is
  'The versions of a state that are kept, newest first: [{ version, action, by, at, bytes }].';
grant execute on function mayfly.state_history to authenticated, service_role;
