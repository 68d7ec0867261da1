-- Keeps a tenant of the caller's from being erased until the transaction ends, and gives its language.
-- Called by mayfly_private.push. As owner: the lock asks for more than select. Locks the tenant's row as a
-- foreign key does; who writes memories shares that lock.

create function mayfly_private.hold_tenant(tenant uuid)
returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  found_language text;
begin
  select t.language into found_language
  from mayfly.tenants t
  where t.id = tenant and tenant = any ((select mayfly_private.tenant_ids('memory:write'))::uuid[])
  for key share;
  if not found then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Give the id of one of your tenants: new Mayfly({ tenant }), or the header x-mayfly-tenant.');
  end if;
  return found_language;
end
$$;

comment on function mayfly_private.hold_tenant(uuid) is 'Keeps a tenant from being erased meanwhile; gives its language.';
revoke execute on function mayfly_private.hold_tenant(uuid) from public;
grant execute on function mayfly_private.hold_tenant(uuid) to authenticated, service_role;
