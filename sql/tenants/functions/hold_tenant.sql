-- Keeps a tenant from being erased until the transaction ends, and returns its language. mayfly_private.push calls it
-- for the tenant of its caller. Locks the tenant's row as a foreign key does. Writers of memories share this lock.

create function mayfly_private.hold_tenant(tenant uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
  found_language text;
begin
  select t.language into found_language
  from mayfly.tenants t
  where t.id = tenant
  for key share;
  if not found then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Pass the id of one of your tenants with new Mayfly({ tenant }) or the header x-mayfly-tenant.');
  end if;
  return found_language;
end
$$;

comment on function mayfly_private.hold_tenant is 'Keeps a tenant from being erased meanwhile, and returns its language.';
