-- Whether a JSON value has at most this many bytes as text, and at most this many levels ({"a": [1]} has 2). It is in
-- PL/pgSQL. As an SQL function, it would be planned again in each statement, which takes 0.1 ms, because an empty
-- search_path prevents inlining.

create function mayfly_private.json_within(value jsonb, max_bytes integer, max_depth integer)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return octet_length(value::text) <= max_bytes
    -- The JSON path is strict, because a lax path unwraps arrays and would find each level twice.
    and not jsonb_path_exists(value, format('strict $.**{%s}', max_depth + 1)::jsonpath);
end
$$;

comment on function mayfly_private.json_within is 'Whether a JSON value is within a size and a depth.';
