-- Creates the bucket mayfly and the policies on its files. Running it again changes nothing. Returns false if the
-- project has no Storage. The policies allow a caller to read the files of the tenants in which it has artifact:read,
-- to write a file that it has begun (begin_artifact), and to delete a file whose artifact is gone. Migrations call this
-- function. If you add Storage later, call it yourself. Runs as the owner. Locks storage.objects.

create function mayfly_private.prepare_storage()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    return false;
  end if;
  execute $sql$ insert into storage.buckets (id, name, public) values ('mayfly', 'mayfly', false) on conflict do nothing $sql$;
  execute 'drop policy if exists mayfly_files_read on storage.objects';
  execute $sql$
    create policy mayfly_files_read on storage.objects for select to authenticated
      using (bucket_id = 'mayfly' and mayfly_private.to_uuid(split_part(name, '/', 1)) = any ((select mayfly_private.file_tenants())::uuid[]))
  $sql$;
  execute 'drop policy if exists mayfly_files_write on storage.objects';
  execute $sql$
    create policy mayfly_files_write on storage.objects for insert to authenticated
      with check (bucket_id = 'mayfly' and mayfly_private.may_write_file(name))
  $sql$;
  execute 'drop policy if exists mayfly_files_delete on storage.objects';
  execute $sql$
    create policy mayfly_files_delete on storage.objects for delete to authenticated
      using (bucket_id = 'mayfly' and mayfly_private.may_delete_file(name))
  $sql$;
  return true;
end
$$;

comment on function mayfly_private.prepare_storage is 'Makes the bucket of artifacts and its policies, if the project has Storage.';
