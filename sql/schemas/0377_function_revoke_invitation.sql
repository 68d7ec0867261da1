-- Revokes an invitation that nobody has accepted (scope member:write). Again changes nothing.

create function mayfly.revoke_invitation(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_invitation(id);

comment on function mayfly.revoke_invitation(uuid) is
  'Revokes an invitation. Returns it.';
revoke execute on function mayfly.revoke_invitation(uuid) from public;
grant execute on function mayfly.revoke_invitation(uuid) to authenticated, service_role;
