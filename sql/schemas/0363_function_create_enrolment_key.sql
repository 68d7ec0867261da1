-- Creates a key by which machines spawn agents with at most these scopes, and do nothing else (scope
-- key:write). Without scopes, what most agents need; without expires_at, 90 days. The table
-- mayfly.enrolment_keys lists them.

create function mayfly.create_enrolment_key(name text, scopes text[] default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.create_enrolment_key(name, scopes, expires_at);

comment on function mayfly.create_enrolment_key(text, text[], timestamptz) is
  'Creates an enrolment key. Returns { key, enrolment_key }: the key mfk_… is shown this once.';
revoke execute on function mayfly.create_enrolment_key(text, text[], timestamptz) from public;
grant execute on function mayfly.create_enrolment_key(text, text[], timestamptz) to authenticated, service_role;
