-- Changes a role. Locks the tenant's row (see lock_member), and what charge locks, because each change writes to the
-- log.

create function mayfly_private.change_member_role(member uuid, role text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, role);
  perform mayfly_private.require_role(of_tenant, found_member.role);
  if role <> 'owner' then
    perform mayfly_private.keep_owner(found_member);
  end if;
  perform mayfly_private.charge(of_tenant, 0, 0, 1);
  update mayfly.members m set role = change_member_role.role
  where m.tenant_id = of_tenant and m.user_id = member
  returning * into found_member;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.change_member_role is 'Changes the role of a member of the caller''s tenant.';
grant execute on function mayfly_private.change_member_role to authenticated, service_role;

-- Changes the role of a member. Scope member:write. Only an owner can give or take away the role owner.

create function mayfly.change_member_role(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.change_member_role(user_id, role);

comment on function mayfly.change_member_role is
  'Changes the role of a member. Returns { tenant_id, user_id, role, created_at }.';
grant execute on function mayfly.change_member_role to authenticated, service_role;
