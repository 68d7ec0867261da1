-- Whether a JSON value is a uuid, or absent.

create function mayfly_private.uuid_or_absent(value jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return coalesce(jsonb_typeof(value), 'null') = 'null'
  or (jsonb_typeof(value) = 'string' and mayfly_private.to_uuid(value #>> '{}') is not null);

comment on function mayfly_private.uuid_or_absent is 'Whether a JSON value is a uuid, or absent.';
