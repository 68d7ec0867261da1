-- Changes the roles of the caller and of the new owner. Locks the tenant's row (see lock_member).

create function mayfly_private.transfer_tenant(member uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  found_member mayfly.members;
begin
  if caller.kind <> 'person' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an owner can transfer a tenant.', 'With the secret key, change roles instead.');
  end if;
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, 'owner');
  if member = caller.id then
    perform mayfly_private.fail(400, 'invalid_request', 'user_id must be another person.', null, '{"field": "user_id"}');
  end if;
  update mayfly.members m set role = case when m.user_id = member then 'owner' else 'admin' end
  where m.tenant_id = of_tenant and m.user_id in (member, caller.id);
  return (select to_jsonb(m) from mayfly.members m where m.tenant_id = of_tenant and m.user_id = member);
end
$$;

comment on function mayfly_private.transfer_tenant is 'Transfers the tenant to another member.';
grant execute on function mayfly_private.transfer_tenant to authenticated;

-- Hands over the tenant. The member becomes an owner, and the calling owner becomes an admin.

create function mayfly.transfer_tenant(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.transfer_tenant(user_id);

comment on function mayfly.transfer_tenant is
  'Transfers the tenant to a member. The caller becomes an admin. Returns the new owner.';
grant execute on function mayfly.transfer_tenant to authenticated;
