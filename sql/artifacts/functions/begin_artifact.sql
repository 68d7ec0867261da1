-- Reserves a version. Takes an advisory lock for the artifact's name, then locks a shard of the tenant's usage.

create function mayfly_private.begin_artifact(name text, media_type text, size bigint, sha256 text, team uuid, metadata jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_size constant bigint := 50000000000;
  tenant constant uuid := mayfly_private.require_tenant('artifact:write');
  fault record;
  begun mayfly.artifacts;
  ready boolean := false;
begin
  select * into fault from (values
    ('name', coalesce(char_length(begin_artifact.name), 0) between 1 and 200, 'must have 1 to 200 characters'),
    ('media_type', coalesce(begin_artifact.media_type ~ '^[a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+(;.*)?$' and char_length(begin_artifact.media_type) <= 200, false),
      'must be a media type, such as text/plain'),
    ('size', coalesce(begin_artifact.size between 0 and max_size, false), 'must be the number of bytes, at most 50 GB'),
    ('sha256', coalesce(begin_artifact.sha256 ~ '^[0-9a-f]{64}$', false), 'must be 64 hexadecimal digits'),
    ('metadata', coalesce(jsonb_typeof(begin_artifact.metadata), 'object') = 'object'
      and coalesce(mayfly_private.json_within(begin_artifact.metadata, 16384, 32), true)
      and coalesce(mayfly_private.numbers_kept(begin_artifact.metadata), true),
      'must be an object of at most 16 KB, at most 32 deep, with no number that JavaScript cannot hold')
  ) as c (field, holds, rule)
  where c.holds is not true
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if to_regclass('storage.buckets') is not null then
    execute 'select exists (select from storage.buckets b where b.id = $1)' into ready using 'mayfly';
  end if;
  if not ready then
    perform mayfly_private.fail(503, 'not_configured', 'The project has no Storage for artifacts.',
      'Enable Storage in the project, then run: select mayfly_private.prepare_storage()');
  end if;

  perform pg_advisory_xact_lock(hashtextextended(format('mayfly.artifacts %s %s %s', tenant, team, begin_artifact.name), 0));
  insert into mayfly.artifacts as a (tenant_id, team_id, name, version, media_type, size, sha256, metadata, bytes, created_by, created_at)
  select tenant, team, begin_artifact.name,
    1 + coalesce((
      select max(o.version) from mayfly.artifacts o
      where o.tenant_id = tenant and o.team_id is not distinct from team and o.name = begin_artifact.name), 0),
    begin_artifact.media_type, begin_artifact.size, begin_artifact.sha256, coalesce(begin_artifact.metadata, '{}'),
    512 + begin_artifact.size + octet_length(begin_artifact.name) + coalesce(octet_length(begin_artifact.metadata::text), 0),
    mayfly_private.caller_id(), mayfly_private.now()
  returning a.* into begun;
  perform mayfly_private.charge(tenant, 0, begun.bytes, 1);
  return mayfly_private.show_artifact(begun);
end
$$;

comment on function mayfly_private.begin_artifact is 'Reserves a version of a file.';
grant execute on function mayfly_private.begin_artifact to authenticated, service_role;

-- Reserves the next version of a name, and charges its bytes against the tenant's quota (scope artifact:write). The
-- caller then uploads the file to `path` in the bucket mayfly, and calls finish_artifact.

create function mayfly.begin_artifact(name text, media_type text, size bigint, sha256 text, team uuid default null, metadata jsonb default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.begin_artifact(name, media_type, size, sha256, team, metadata);

comment on function mayfly.begin_artifact is 'Reserves the next version of a file. Upload it to its path in the bucket mayfly, then call finish_artifact.';
grant execute on function mayfly.begin_artifact to authenticated, service_role;
