-- Removes a member. Locks the tenant's row (see lock_member).

create function mayfly_private.remove_member(member uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, found_member.role);
  perform mayfly_private.keep_owner(found_member);
  delete from mayfly.members m where m.tenant_id = of_tenant and m.user_id = member;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.remove_member is 'Removes a member from the caller''s tenant.';
grant execute on function mayfly_private.remove_member to authenticated, service_role;

-- Removes a member. Scope member:write. Only an owner can remove owners. The person's memories and the agents that the
-- person spawned stay.

create function mayfly.remove_member(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.remove_member(user_id);

comment on function mayfly.remove_member is 'Removes a member. Returns the former membership.';
grant execute on function mayfly.remove_member to authenticated, service_role;
