-- The uuid that a text is, or null: claims and headers are text that anyone may have written.

create function mayfly_private.to_uuid(value text)
returns uuid
language sql immutable parallel safe
set search_path = ''
return case when value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then value::uuid end;

comment on function mayfly_private.to_uuid(text) is 'The uuid that a text is, or null.';
revoke execute on function mayfly_private.to_uuid(text) from public;
grant execute on function mayfly_private.to_uuid(text) to authenticated, service_role;
