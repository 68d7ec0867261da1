-- Creates an invitation and stores the hash of its token. The token itself is returned once and never stored.

create function mayfly_private.invite_member(role text, email text, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  address constant text := lower(trim(email));
  secret constant text := mayfly_private.new_secret('mfi_');
  invitation mayfly.invitations;
begin
  perform mayfly_private.require_role(of_tenant, role);
  if address !~ '^[^@\s]+@[^@\s]+$' or char_length(address) > 320 then
    perform mayfly_private.fail(400, 'invalid_request', 'email must be an e-mail address.', null, '{"field": "email"}');
  elsif expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must be in the future.', null, '{"field": "expires_at"}');
  elsif exists (
      select from mayfly.members m join auth.users u on u.id = m.user_id
      where m.tenant_id = of_tenant and lower(u.email) = address) then
    perform mayfly_private.fail(409, 'already_member', 'This person is already a member of the tenant.',
      'Change the role instead.', '{"field": "email"}');
  end if;

  insert into mayfly.invitations (tenant_id, email, role, invited_by, expires_at)
  values (of_tenant, address, role, mayfly_private.caller_id(), coalesce(expires_at, mayfly_private.now() + interval '7 days'))
  returning * into invitation;
  insert into mayfly_private.invitation_secrets (hash, tenant_id, invitation_id)
  values (mayfly_private.hash_secret(secret), of_tenant, invitation.id);
  return jsonb_build_object('token', secret, 'invitation', to_jsonb(invitation));
end
$$;

comment on function mayfly_private.invite_member is 'Invites a person into the tenant of the caller.';
grant execute on function mayfly_private.invite_member to authenticated, service_role;

-- Invites a person into the tenant. Scope member:write. Only an owner can invite owners. With an e-mail address, only a
-- person who signs in with this address can accept, and no token is needed. Without an address, anybody with the token
-- can accept. This function sends no mail. An invitation is valid for 7 days by default. The table mayfly.invitations
-- lists the invitations.

create function mayfly.invite_member(role text, email text default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.invite_member(role, email, expires_at);

comment on function mayfly.invite_member is
  'Invites a person. Returns { token, invitation }. The token mfi_… is shown only this once.';
grant execute on function mayfly.invite_member to authenticated, service_role;
