-- Accepts an invitation for a person who is not a member yet. If an invitation is not for the caller, the error does
-- not say what is wrong with it. Locks the tenant's row (for no key update), as every function that changes its members
-- does, and then the invitation's row, so that it is accepted once. erase_tenant locks in the same order.

create function mayfly_private.accept_invitation(token text, invitation_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  address text;
  invitation mayfly.invitations;
  tenant_name text;
begin
  if caller.kind is distinct from 'person' then
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person can accept an invitation.', 'Sign in.');
  elsif token is null and invitation_id is null then
    perform mayfly_private.fail(400, 'invalid_request', 'Accepting needs the token or the id of an invitation.', null, '{"field": "token"}');
  end if;
  select lower(u.email) into address from auth.users u where u.id = caller.id and u.email_confirmed_at is not null;

  select i.* into invitation
  from mayfly.invitations i
  left join mayfly_private.invitation_secrets s on s.tenant_id = i.tenant_id and s.invitation_id = i.id
  where i.accepted_at is null and i.revoked_at is null
    and (i.email = address or (i.email is null and token is not null))
    and (token is null or s.hash = mayfly_private.hash_secret(token))
    and (accept_invitation.invitation_id is null or i.id = accept_invitation.invitation_id)
  limit 1;
  select t.name into tenant_name from mayfly.tenants t where t.id = invitation.tenant_id for no key update;
  -- The invitation is read again under the lock, because meanwhile it may have been accepted or revoked, or deleted
  -- with its tenant.
  select i.* into invitation from mayfly.invitations i
  where i.tenant_id = invitation.tenant_id and i.id = invitation.id and i.accepted_at is null and i.revoked_at is null
  for update;
  if invitation.id is null then
    perform mayfly_private.fail(404, 'invitation_unknown', 'There is no such invitation for this person.',
      'Sign in with the invited address after you confirmed it, or ask for another invitation.');
  elsif invitation.expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(410, 'invitation_expired', 'The invitation has expired.', 'Ask for another one.');
  end if;

  insert into mayfly.members (tenant_id, user_id, role)
  select invitation.tenant_id, u.id, invitation.role from auth.users u where u.id = caller.id
  on conflict do nothing;
  if not found then
    perform mayfly_private.fail(409, 'already_member', 'This person is already a member of the tenant.', 'Nothing was changed. An admin can change their role.');
  end if;
  update mayfly.invitations i set accepted_at = mayfly_private.now(), accepted_by = caller.id
  where i.tenant_id = invitation.tenant_id and i.id = invitation.id;
  return jsonb_build_object('tenant', jsonb_build_object('id', invitation.tenant_id, 'name', tenant_name), 'role', invitation.role);
end
$$;

comment on function mayfly_private.accept_invitation is 'Makes the calling person a member with an invitation.';
grant execute on function mayfly_private.accept_invitation to authenticated;

-- Accepts an invitation by its token. If the invitation was made for the caller's own confirmed e-mail address, its id
-- is enough. Only people can call it.

create function mayfly.accept_invitation(token text default null, id uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.accept_invitation(token, id);

comment on function mayfly.accept_invitation is 'Accepts an invitation. Returns { tenant: { id, name }, role }.';
grant execute on function mayfly.accept_invitation to authenticated;
