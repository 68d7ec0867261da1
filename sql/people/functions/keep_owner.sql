-- Refuses to remove the last owner of a tenant. Called under the lock of lock_member, before the change. (If the last
-- owner's user is deleted in Auth, the tenant has no owner, and the secret key can add an owner.)

create function mayfly_private.keep_owner(member mayfly.members)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if member.role = 'owner' and not exists (
      select from mayfly.members m
      where m.tenant_id = member.tenant_id and m.role = 'owner' and m.user_id <> member.user_id) then
    perform mayfly_private.fail(409, 'last_owner', 'A tenant needs at least one owner.',
      'Transfer the tenant first, or erase it.');
  end if;
end
$$;

comment on function mayfly_private.keep_owner is 'Refuses to take the last owner from a tenant.';
