-- Accepts an invitation by its token, or one to the caller's own confirmed e-mail address by its id.
-- For people.

create function mayfly.accept_invitation(token text default null, id uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.accept_invitation(token, id);

comment on function mayfly.accept_invitation(text, uuid) is
  'Accepts an invitation. Returns { tenant: { id, name }, role }.';
revoke execute on function mayfly.accept_invitation(text, uuid) from public;
grant execute on function mayfly.accept_invitation(text, uuid) to authenticated;
