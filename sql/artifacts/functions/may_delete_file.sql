-- Whether the caller may delete this file of its tenant, which it may if the artifact's row is gone. For the policy on
-- storage.objects. Locks nothing. It is in PL/pgSQL for the same reason as may_write_file.

create function mayfly_private.may_delete_file(path text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.to_uuid(split_part(path, '/', 1)) = any (mayfly_private.tenant_ids('artifact:write'))
    and exists (select from mayfly_private.files_due d where d.path = may_delete_file.path);
end
$$;

comment on function mayfly_private.may_delete_file is 'Whether this file of the caller''s tenant may be deleted.';
grant execute on function mayfly_private.may_delete_file to authenticated;
