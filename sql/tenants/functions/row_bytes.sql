-- How many bytes a row of a small table is charged: `flat` for the row itself, plus the lengths of the
-- `written` columns as JSON texts (mayfly_private.charges). So it does not matter how a row is stored.

create function mayfly_private.row_bytes(flat integer, written text[], content jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  bytes integer := flat;
  name text;
begin
  -- This is a loop, because a query for each row took half of the time of charging the row.
  foreach name in array written loop
    bytes := bytes + coalesce(octet_length(content ->> name), 0);
  end loop;
  return bytes;
end
$$;

comment on function mayfly_private.row_bytes is 'What a row of a small table is charged, in bytes.';
