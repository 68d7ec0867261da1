-- Whether the caller has begun to write this file, for the policy on storage.objects. Locks nothing. It is in PL/pgSQL,
-- so that the functions that it calls are looked up at run time. An upgrade can then replace those functions, although
-- a policy in another schema depends on this one.

create function mayfly_private.may_write_file(path text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return exists (
    select from mayfly.artifacts a
    where a.tenant_id = any (mayfly_private.tenant_ids('artifact:write'))
      and a.tenant_id = mayfly_private.to_uuid(split_part(path, '/', 1)) and a.id = mayfly_private.to_uuid(split_part(path, '/', 2))
      and a.status = 'writing' and a.created_by is not distinct from mayfly_private.caller_id());
end
$$;

comment on function mayfly_private.may_write_file is 'Whether the caller has begun to write this file.';
grant execute on function mayfly_private.may_write_file to authenticated;
