-- Whether this file of the caller's tenant is due: its row is gone. For the policy on storage.objects. Locks nothing.

create function mayfly_private.may_delete_file(path text)
returns boolean
language sql stable security definer
set search_path = ''
return mayfly_private.to_uuid(split_part(path, '/', 1)) = any (mayfly_private.tenant_ids('artifact:write'))
  and exists (select from mayfly_private.files_due d where d.path = may_delete_file.path);

comment on function mayfly_private.may_delete_file is 'Whether this file of the caller''s tenant is due to be deleted.';
grant execute on function mayfly_private.may_delete_file to authenticated, service_role;
