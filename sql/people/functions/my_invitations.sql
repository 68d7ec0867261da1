-- Lists invitations. It is a definer, because the caller is not yet a member of the tenants that they are for. Locks
-- nothing.

create function mayfly_private.my_invitations()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', i.id, 'tenant', jsonb_build_object('id', t.id, 'name', t.name), 'role', i.role,
      'created_at', i.created_at, 'expires_at', i.expires_at) order by i.created_at, i.id), '[]')
    from auth.users u
    join mayfly.invitations i on i.email = lower(u.email)
    join mayfly.tenants t on t.id = i.tenant_id
    where u.id = caller.id and caller.kind = 'person' and u.email_confirmed_at is not null
      and i.accepted_at is null and i.revoked_at is null and i.expires_at > mayfly_private.now());
end
$$;

comment on function mayfly_private.my_invitations is 'The open invitations of the calling person.';
grant execute on function mayfly_private.my_invitations to authenticated;

-- The open invitations to the caller's own confirmed e-mail address. Only people can call it.

create function mayfly.my_invitations()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.my_invitations();

comment on function mayfly.my_invitations is
  'The open invitations of the calling person: [{ id, tenant: { id, name }, role, created_at, expires_at }].';
grant execute on function mayfly.my_invitations to authenticated;
