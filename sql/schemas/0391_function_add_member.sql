-- Makes a user a member without an invitation. For the secret key alone: for people it would tell
-- which users there are.

create function mayfly.add_member(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.add_member(user_id, role);

comment on function mayfly.add_member(uuid, text) is
  'Makes a user a member without an invitation. For the secret key alone.';
revoke execute on function mayfly.add_member(uuid, text) from public;
grant execute on function mayfly.add_member(uuid, text) to service_role;
