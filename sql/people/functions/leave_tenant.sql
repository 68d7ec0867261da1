-- Deletes the caller's membership. Locks the tenant's row (see lock_member).

create function mayfly_private.leave_tenant()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  found_member mayfly.members;
begin
  if caller.kind <> 'person' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only a person can leave a tenant.', 'Stop the agent instead.');
  end if;
  found_member := mayfly_private.lock_member(of_tenant, caller.id, null);
  perform mayfly_private.keep_owner(found_member);
  delete from mayfly.members m where m.tenant_id = of_tenant and m.user_id = caller.id;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.leave_tenant is 'Takes the calling person out of the tenant.';
grant execute on function mayfly_private.leave_tenant to authenticated;

-- Leaves the tenant. Only people can call it, and the last owner cannot leave.

create function mayfly.leave_tenant()
returns jsonb
language sql
set search_path = ''
return mayfly_private.leave_tenant();

comment on function mayfly.leave_tenant is 'Leaves the tenant. Returns the former membership.';
grant execute on function mayfly.leave_tenant to authenticated;
