-- Converts a text to a UUID, or null, because anyone may have written claims and headers. For 36 characters with
-- these four dashes, the cast accepts only 32 hexadecimal digits. It takes 5 µs. A regular expression in a SQL
-- function, which an empty search_path keeps from being inlined, took 15 to 40.

create function mayfly_private.to_uuid(value text)
returns uuid
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if value like '________-____-____-____-____________' and pg_input_is_valid(value, 'uuid') then
    return value::uuid;
  end if;
  return null;
end
$$;

comment on function mayfly_private.to_uuid is 'Converts a text to a UUID, or to null.';
grant execute on function mayfly_private.to_uuid to authenticated, service_role;
