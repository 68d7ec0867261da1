-- The people of the tenant with their e-mail addresses (scope member:read).

create function mayfly.list_members()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_members();

comment on function mayfly.list_members() is
  'The people of the tenant: [{ user_id, email, role, created_at }].';
revoke execute on function mayfly.list_members() from public;
grant execute on function mayfly.list_members() to authenticated, service_role;
