-- Returns a member of the tenant on whom the caller may act. Locks the tenant's row (for no key update), as every
-- function that changes its members does. So if two owners leave at once, the second one is the last owner and has to
-- stay. Checks the caller's scope again under the lock. So if two admins remove each other at once, one of them stays.

create function mayfly_private.lock_member(tenant uuid, member uuid, scope text)
returns mayfly.members
language plpgsql security definer
set search_path = ''
as $$
declare
  found_member mayfly.members;
begin
  perform from mayfly.tenants t where t.id = tenant for no key update;
  perform mayfly_private.require_tenant(scope);
  select * into found_member from mayfly.members m where m.tenant_id = tenant and m.user_id = member;
  if found_member.user_id is null then
    perform mayfly_private.fail(404, 'member_unknown', 'There is no such member.', null, '{"field": "user_id"}');
  end if;
  return found_member;
end
$$;

comment on function mayfly_private.lock_member is 'Locks the people of the tenant, and returns one of them.';
