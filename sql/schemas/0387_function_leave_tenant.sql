-- Leaves the tenant. Its last owner cannot. For people.

create function mayfly.leave_tenant()
returns jsonb
language sql
set search_path = ''
return mayfly_private.leave_tenant();

comment on function mayfly.leave_tenant() is
  'Leaves the tenant. Returns what the person was.';
revoke execute on function mayfly.leave_tenant() from public;
grant execute on function mayfly.leave_tenant() to authenticated;
