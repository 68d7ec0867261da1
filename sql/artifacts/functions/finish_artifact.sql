-- Marks a file as uploaded. Locks the artifact.

create function mayfly_private.finish_artifact(id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('artifact:write');
  finished mayfly.artifacts;
  stored bigint;
begin
  select * into finished from mayfly.artifacts a where a.tenant_id = tenant and a.id = finish_artifact.id for no key update;
  if finished.id is null then
    perform mayfly_private.fail(404, 'artifact_unknown', 'There is no such artifact.', null, '{"field": "id"}');
  elsif finished.status = 'stored' then
    return mayfly_private.show_artifact(finished);
  end if;
  execute 'select (o.metadata ->> ''size'')::bigint from storage.objects o where o.bucket_id = $1 and o.name = $2'
    into stored using 'mayfly', tenant || '/' || finished.id;
  if stored is distinct from finished.size then
    perform mayfly_private.fail(409, 'artifact_incomplete',
      case when stored is null then 'The file of this artifact was not uploaded.'
        else format('The file has %s bytes, but the artifact was begun with %s.', stored, finished.size) end,
      'Store it again, as a new version.', '{"field": "id"}');
  end if;
  update mayfly.artifacts a set status = 'stored' where a.tenant_id = tenant and a.id = finished.id returning a.* into finished;
  perform mayfly_private.append_events(tenant, 'artifact.stored', array[finished.id]);
  return mayfly_private.show_artifact(finished);
end
$$;

comment on function mayfly_private.finish_artifact is 'Marks a file as uploaded.';
grant execute on function mayfly_private.finish_artifact to authenticated, service_role;

-- Marks the file of an artifact as uploaded, so that others see it from now on (scope artifact:write).
-- Repeating it changes nothing.

create function mayfly.finish_artifact(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.finish_artifact(id);

comment on function mayfly.finish_artifact is 'Marks the file of an artifact as uploaded. Returns the artifact.';
grant execute on function mayfly.finish_artifact to authenticated, service_role;
