-- Stored artifacts by name: the newest version of each or, with `versions`, all versions, newest first. Lists the
-- artifacts of `team` or, without `team`, those that belong to no team. `name` and `version` select one version. `id`
-- also selects one version, whatever its team. To get the next page, pass the last name and version of the page before
-- as `after_name` and `after_version`. Scope artifact:read. Runs as the caller. Locks nothing.

create function mayfly.list_artifacts(
  team uuid default null, name text default null, version integer default null, versions boolean default false, id uuid default null,
  after_name text default null, after_version integer default null, page_limit integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('artifact:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_artifact(r) order by r.name, r.version desc), '[]')
    from (
      select a.* from mayfly.artifacts a
      where a.tenant_id = tenant and a.status = 'stored'
        and (case when list_artifacts.id is not null then a.id = list_artifacts.id
          else a.team_id is not distinct from team end)
        and (list_artifacts.name is null or a.name = list_artifacts.name)
        and (list_artifacts.version is null or a.version = list_artifacts.version)
        and (versions or list_artifacts.version is not null or list_artifacts.id is not null or not exists (
          select from mayfly.artifacts o
          where o.tenant_id = tenant and o.team_id is not distinct from a.team_id and o.name = a.name and o.status = 'stored' and o.version > a.version))
        and (after_name is null or a.name > after_name or (a.name = after_name and a.version < after_version))
      order by a.name, a.version desc
      limit page_limit) r);
end
$$;

comment on function mayfly.list_artifacts is 'Artifacts by name: the newest version of each, or all versions.';
grant execute on function mayfly.list_artifacts to authenticated, service_role;
