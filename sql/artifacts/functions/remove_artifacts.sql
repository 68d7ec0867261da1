-- Removes versions. Locks the artifacts that it removes, by id.

create function mayfly_private.remove_artifacts(name text, team uuid, version integer, everything boolean, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('artifact:write');
  removed uuid[];
begin
  if max_rows is null or max_rows not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 1000.', null, '{"field": "max_rows"}');
  elsif everything is not true and remove_artifacts.name is null then
    perform mayfly_private.fail(400, 'invalid_request', 'name must be the name of an artifact.', 'To remove all artifacts of the tenant, set everything.', '{"field": "name"}');
  end if;
  if everything is true and (mayfly_private.caller()).kind in ('agent', 'client') then
    perform mayfly_private.fail(403, 'scope_missing', 'Pass the name of an artifact, because agents and OAuth clients cannot remove everything.', null, '{"scope": "artifact:write"}');
  end if;
  with gone as (
    delete from mayfly.artifacts a
    where a.tenant_id = tenant and a.id in (
      select o.id from mayfly.artifacts o
      where o.tenant_id = tenant and (everything is true or (
        o.name = remove_artifacts.name and o.team_id is not distinct from team and (remove_artifacts.version is null or o.version = remove_artifacts.version)))
      order by o.id limit max_rows for update)
    returning a.id)
  select coalesce(array_agg(g.id order by g.id), '{}') into removed from gone g;
  perform mayfly_private.append_events(tenant, 'artifact.removed', removed);
  return jsonb_build_object('removed', cardinality(removed), 'paths', (select coalesce(jsonb_agg(tenant || '/' || r), '[]') from unnest(removed) r));
end
$$;

comment on function mayfly_private.remove_artifacts is 'Removes versions of files.';
grant execute on function mayfly_private.remove_artifacts to authenticated, service_role;

-- Removes all versions of an artifact, or one version (scope artifact:write). With `everything`, removes all artifacts
-- of the tenant, which only people and the secret key can do. Returns how many versions were removed, and the paths of
-- their files. The caller then deletes these files in Storage. If it does not, sweep_files returns their paths later.

create function mayfly.remove_artifacts(
  name text default null, team uuid default null, version integer default null, everything boolean default false, max_rows integer default 1000
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.remove_artifacts(name, team, version, everything, max_rows);

comment on function mayfly.remove_artifacts is 'Removes versions of an artifact: { removed, paths }.';
grant execute on function mayfly.remove_artifacts to authenticated, service_role;
