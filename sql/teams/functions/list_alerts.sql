-- The open alerts of one team or all teams, newest first. With `every`, handled alerts too. Scope team:read. Runs as
-- the caller. Locks nothing.

create function mayfly.list_alerts(team_id uuid default null, every boolean default false, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_team_alert(r) order by r.found_at desc, r.id), '[]')
    from (
      select a.* from mayfly.team_alerts a
      where a.tenant_id = tenant and (list_alerts.team_id is null or a.team_id = list_alerts.team_id) and (every or a.status = 'open')
      order by a.found_at desc, a.id limit page_limit) r);
end
$$;

comment on function mayfly.list_alerts is 'The alerts of teams, newest first.';
grant execute on function mayfly.list_alerts to authenticated, service_role;
