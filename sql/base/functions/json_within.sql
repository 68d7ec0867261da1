-- Whether a JSON value is at most so many bytes as text, and nested at most so deep: {"a": [1]} is 2. In PL/pgSQL: in
-- SQL, which an empty search_path keeps from being inlined, each statement that asked planned it, 0.1 ms.

create function mayfly_private.json_within(value jsonb, max_bytes integer, max_depth integer)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return octet_length(value::text) <= max_bytes
    -- Strict: lax unwraps arrays, and then finds each level twice.
    and not jsonb_path_exists(value, format('strict $.**{%s}', max_depth + 1)::jsonpath);
end
$$;

comment on function mayfly_private.json_within is 'Whether a JSON value is within a size and a depth.';
