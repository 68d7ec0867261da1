-- Hands the tenant over: the member becomes owner, the calling owner admin. For owners.

create function mayfly.transfer_tenant(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.transfer_tenant(user_id);

comment on function mayfly.transfer_tenant(uuid) is
  'Hands the tenant over to a member; the caller becomes admin. Returns the new owner.';
revoke execute on function mayfly.transfer_tenant(uuid) from public;
grant execute on function mayfly.transfer_tenant(uuid) to authenticated;
