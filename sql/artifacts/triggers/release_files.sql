-- Cleans up after deleted artifacts: gives their bytes back to the tenant's quota, and notes their files in files_due,
-- so that they are deleted in Storage. Locks a shard of the tenant's usage.

create function mayfly_private.release_files()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  freed record;
begin
  insert into mayfly_private.files_due (path)
  select o.tenant_id || '/' || o.id from old_rows o
  on conflict do nothing;
  for freed in
    select t.id, sum(o.bytes) as bytes from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
  loop
    perform mayfly_private.count_usage(freed.id, 0, -freed.bytes::bigint, 0);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.release_files is 'Trigger: returns the bytes of deleted artifacts, and queues their files.';

create trigger artifacts_release_files after delete on mayfly.artifacts
  referencing old table as old_rows
  for each statement execute function mayfly_private.release_files();
