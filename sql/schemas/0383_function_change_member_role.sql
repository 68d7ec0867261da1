-- Changes the role of a member (scope member:write; only an owner makes, changes or unmakes owners).

create function mayfly.change_member_role(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.change_member_role(user_id, role);

comment on function mayfly.change_member_role(uuid, text) is
  'Changes the role of a member. Returns { tenant_id, user_id, role, created_at }.';
revoke execute on function mayfly.change_member_role(uuid, text) from public;
grant execute on function mayfly.change_member_role(uuid, text) to authenticated, service_role;
