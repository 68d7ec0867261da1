-- Fails unless the caller may manage members with this role: an owner may manage all members, and an admin may
-- manage all except owners. Called by the functions for people.

create function mayfly_private.require_role(tenant uuid, over text)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if over is null or over not in ('owner', 'admin', 'member', 'viewer') then
    perform mayfly_private.fail(400, 'invalid_request', 'role must be owner, admin, member or viewer.', null, '{"field": "role"}');
  elsif over = 'owner' and mayfly_private.acting_role(tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner can add, change or remove owners.',
      'Ask an owner of the tenant.', '{"role": "owner"}');
  end if;
end
$$;

comment on function mayfly_private.require_role is 'Fails unless the caller may act on this role.';
