-- The states of an agent, or the shared ones if there is no of_agent, as they were at an instant, such as the time of a
-- run's checkpoint. The states come by key, one page at a time, with at most 4 MB of values in a page. `unkept` lists
-- keys whose version at that time is no longer kept (only the newest hundred are). For callers with state:read. Locks
-- nothing.

create function mayfly.states_at(
  instant timestamptz, of_agent uuid default null, prefix text default '', after text default null, page_limit integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if instant is null then
    perform mayfly_private.fail(400, 'invalid_request', 'instant must be an ISO 8601 instant.', null, '{"field": "instant"}');
  elsif page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select jsonb_build_object(
      'states', coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'agent_id', p.agent_id, 'key', p.key, 'version', p.version, 'value', p.value,
        'action', p.action, 'by', p.by, 'at', p.at) order by p.key) filter (where p.value is not null), '[]'),
      'unkept', coalesce(jsonb_agg(p.key order by p.key) filter (where p.version is null and p.oldest > 1), '[]'),
      'last', max(p.key), 'more', count(*) = page_limit or coalesce(bool_or(p.later), false))
    from (
      select b.*, bool_or(b.before >= 4000000) over () as later
      from (
        select a.*, coalesce(sum(a.bytes) over (order by a.key), 0) - coalesce(a.bytes, 0) as before
        from (
          select s.id, s.agent_id, s.key, v.version, v.value, v.action, v.by, v.at, v.bytes,
            case when v.version is null then (
              select min(o.version) from mayfly.state_versions o where o.tenant_id = of_tenant and o.state_id = s.id) end as oldest
          from mayfly.states s
          left join lateral (
            select w.version, w.value, w.action, w.by, w.at, w.bytes from mayfly.state_versions w
            where w.tenant_id = of_tenant and w.state_id = s.id and w.at <= instant
            order by w.version desc
            limit 1) v on true
          where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent
            and starts_with(s.key, coalesce(prefix, '')) and s.key > coalesce(after, '')
          order by s.key
          limit page_limit) a) b) p
    where p.before < 4000000);
end
$$;

comment on function mayfly.states_at is
  'The states of an agent, or the shared ones, as they were at an instant: { states, unkept, last, more }. Pass last as after for the next page.';
grant execute on function mayfly.states_at to authenticated, service_role;
