-- The 32 bytes of a hexadecimal text, or null. Claims contain hashes as text.

create function mayfly_private.bytes_of_hex(value text)
returns bytea
language sql immutable parallel safe
set search_path = ''
return case when value ~ '^[0-9a-f]{64}$' then decode(value, 'hex') end;

comment on function mayfly_private.bytes_of_hex is 'The 32 bytes of a hexadecimal text, or null.';
