-- Invites a person into the tenant (scope member:write; only an owner invites owners). With an e-mail
-- address, only who signs in with it may accept, also without the token; without one, whoever has the
-- token. Sends no mail. Valid for 7 days, unless said otherwise. The table mayfly.invitations lists them.

create function mayfly.invite_member(role text, email text default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.invite_member(role, email, expires_at);

comment on function mayfly.invite_member(text, text, timestamptz) is
  'Invites a person. Returns { token, invitation }: the token mfi_… is shown this once.';
revoke execute on function mayfly.invite_member(text, text, timestamptz) from public;
grant execute on function mayfly.invite_member(text, text, timestamptz) to authenticated, service_role;
