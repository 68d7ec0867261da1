-- Adds a member. Locks the tenant's row (see lock_member).

create function mayfly_private.add_member(member uuid, role text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  perform mayfly_private.require_role(of_tenant, role);
  if not exists (select from auth.users u where u.id = member) then
    perform mayfly_private.fail(404, 'user_unknown', 'There is no such user.', null, '{"field": "user_id"}');
  end if;
  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  perform mayfly_private.require_tenant('member:write');
  insert into mayfly.members as m (tenant_id, user_id, role) values (of_tenant, member, add_member.role)
  on conflict do nothing
  returning * into found_member;
  if found_member.user_id is null then
    perform mayfly_private.fail(409, 'already_member', 'This person is already a member of the tenant.', 'Change the role instead.', '{"field": "user_id"}');
  end if;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.add_member is 'Makes a user a member of the tenant.';
grant execute on function mayfly_private.add_member to service_role;

-- Makes a user a member without an invitation. Only the secret key can call it, because a person could use it to find
-- out which users exist.

create function mayfly.add_member(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.add_member(user_id, role);

comment on function mayfly.add_member is 'Makes a user a member without an invitation. Only for the secret key.';
grant execute on function mayfly.add_member to service_role;
