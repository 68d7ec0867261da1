-- The invitations to the caller's own confirmed e-mail address that can still be accepted. For people.

create function mayfly.my_invitations()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.my_invitations();

comment on function mayfly.my_invitations() is
  'The open invitations of the calling person: [{ id, tenant: { id, name }, role, created_at, expires_at }].';
revoke execute on function mayfly.my_invitations() from public;
grant execute on function mayfly.my_invitations() to authenticated;
