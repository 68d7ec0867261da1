-- The time in a UUIDv7, or null for another uuid. (Postgres's own uuid_extract_timestamp reads UUIDv7 only from
-- Postgres 18 on.) RFC 9562, section 5.7.

create function mayfly_private.time_of_id(id uuid)
returns timestamptz
language sql immutable parallel safe
set search_path = ''
return case when substr(id::text, 15, 1) = '7' then
  to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0)
end;

comment on function mayfly_private.time_of_id is 'When a UUIDv7 was made.';
