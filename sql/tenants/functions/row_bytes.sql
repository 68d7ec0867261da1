-- How many bytes a row of a small table is charged, from its JSON: `flat` for the row itself, plus what callers
-- write into it (mayfly_private.charges). It counts the lengths of the JSON texts, so that it makes no difference
-- how a row is stored.

create function mayfly_private.row_bytes(flat integer, written text[], content jsonb)
returns integer
language sql immutable parallel safe
set search_path = ''
return flat + (select coalesce(sum(octet_length(content ->> w)), 0) from unnest(written) w)::integer;

comment on function mayfly_private.row_bytes is 'What a row of a small table is charged, in bytes.';
