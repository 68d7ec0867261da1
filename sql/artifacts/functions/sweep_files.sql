-- Reads the paths of files that are due to be deleted. It is a definer, because the paths are in a private table, from
-- which it also deletes paths. Locks the rows that it deletes.

create function mayfly_private.sweep_files(page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  -- The secret key without a tenant also gets the files of erased tenants.
  tenant constant uuid := case when caller.kind = 'secret' and caller.tenant_id is null then null
    else mayfly_private.require_tenant('artifact:write') end;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  if to_regclass('storage.objects') is null then
    return '[]';
  end if;
  execute $sql$
    delete from mayfly_private.files_due d
    where ($1 is null or starts_with(d.path, $1 || '/'))
      and not exists (select from storage.objects o where o.bucket_id = 'mayfly' and o.name = d.path)
  $sql$ using tenant::text;
  return (
    select coalesce(jsonb_agg(d.path order by d.path), '[]')
    from (
      select f.path from mayfly_private.files_due f
      where tenant is null or starts_with(f.path, tenant || '/')
      order by f.path limit page_limit) d);
end
$$;

comment on function mayfly_private.sweep_files is 'The paths of files that are due to be deleted.';
grant execute on function mayfly_private.sweep_files to authenticated, service_role;

-- Returns the paths of files whose artifact is gone, so that the caller deletes them in the bucket mayfly (scope
-- artifact:write). The secret key without a tenant gets the paths of every tenant, even of erased ones. First forgets
-- the paths whose files have already been deleted.

create function mayfly.sweep_files(page_limit integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.sweep_files(page_limit);

comment on function mayfly.sweep_files is 'The paths of files that the caller has to delete in the bucket mayfly.';
grant execute on function mayfly.sweep_files to authenticated, service_role;
