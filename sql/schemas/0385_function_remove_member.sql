-- Removes a member (scope member:write; only an owner removes owners). What the person remembered, and
-- the agents that the person spawned, stay.

create function mayfly.remove_member(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.remove_member(user_id);

comment on function mayfly.remove_member(uuid) is
  'Removes a member. Returns what it was.';
revoke execute on function mayfly.remove_member(uuid) from public;
grant execute on function mayfly.remove_member(uuid) to authenticated, service_role;
