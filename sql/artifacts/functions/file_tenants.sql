-- The tenants whose files the caller may read, for the policy on storage.objects. Locks nothing. It is in PL/pgSQL for
-- the same reason as may_write_file.

create function mayfly_private.file_tenants()
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
begin
  return mayfly.tenant_ids('artifact:read');
end
$$;

comment on function mayfly_private.file_tenants is 'The tenants whose files the caller may read.';
grant execute on function mayfly_private.file_tenants to authenticated;
