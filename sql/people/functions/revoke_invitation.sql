-- Revokes an invitation. Locks the invitation's row.

create function mayfly_private.revoke_invitation(invitation_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  invitation mayfly.invitations;
begin
  update mayfly.invitations i set revoked_at = coalesce(i.revoked_at, mayfly_private.now())
  where i.tenant_id = of_tenant and i.id = invitation_id and i.accepted_at is null
  returning * into invitation;
  if invitation.id is null then
    perform mayfly_private.fail(404, 'invitation_unknown', 'There is no such open invitation.', null, '{"field": "id"}');
  end if;
  return to_jsonb(invitation);
end
$$;

comment on function mayfly_private.revoke_invitation is 'Revokes an invitation that nobody has accepted.';
grant execute on function mayfly_private.revoke_invitation to authenticated, service_role;

-- Revokes an invitation that nobody has accepted. Scope member:write. Repeating the call changes nothing.

create function mayfly.revoke_invitation(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_invitation(id);

comment on function mayfly.revoke_invitation is 'Revokes an invitation. Returns it.';
grant execute on function mayfly.revoke_invitation to authenticated, service_role;
