-- The states of an agent, or the shared ones if there is no of_agent, by key and without their values, one page at a
-- time. For callers with state:read. Locks nothing.

create function mayfly.list_states(of_agent uuid default null, prefix text default '', after text default null, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(s) order by s.key), '[]')
    from (
      select s.id, s.agent_id, s.key, s.version, s.updated_by, s.created_at, s.updated_at, s.expires_at
      from mayfly.states s
      where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent
        and starts_with(s.key, coalesce(prefix, '')) and s.key > coalesce(after, '') and mayfly_private.is_live(s)
      order by s.key
      limit page_limit) s);
end
$$;

comment on function mayfly.list_states is
  'The states of an agent, or the shared ones, by key, without their values. Pass the last key as after for the next page.';
grant execute on function mayfly.list_states to authenticated, service_role;
