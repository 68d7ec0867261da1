-- Lists teams. It is a definer, because the result has the status of agents that the caller may not see. Locks nothing.

create function mayfly_private.list_teams(of_status text[], team_id uuid, before uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:read');
  last mayfly.teams;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{running,ended}' then
    perform mayfly_private.fail(400, 'invalid_request', 'of_status must be one or both of running and ended.', null, '{"field": "of_status"}');
  end if;
  if before is not null then
    select * into last from mayfly.teams t where t.tenant_id = tenant and t.id = before;
    if not found then
      perform mayfly_private.fail(404, 'team_unknown', 'There is no such team.', 'Start with the first page again.', '{"field": "before"}');
    end if;
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_team(s.t) order by (s.t).created_at desc, (s.t).id desc), '[]')
    from (
      select t from mayfly.teams t
      where t.tenant_id = tenant and (of_status is null or t.status = any (of_status)) and (list_teams.team_id is null or t.id = list_teams.team_id)
        and (before is null or (t.created_at, t.id) < (last.created_at, last.id))
      order by t.created_at desc, t.id desc
      limit page_limit) s);
end
$$;

comment on function mayfly_private.list_teams is 'Teams with their members, newest first.';
grant execute on function mayfly_private.list_teams to authenticated, service_role;

-- Teams with the current status of their members, newest first (scope team:read). With an id, only that team.

create function mayfly.list_teams(of_status text[] default null, team_id uuid default null, before uuid default null, page_limit integer default 100)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_teams(of_status, team_id, before, page_limit);

comment on function mayfly.list_teams is 'Teams with their members, newest first.';
grant execute on function mayfly.list_teams to authenticated, service_role;
