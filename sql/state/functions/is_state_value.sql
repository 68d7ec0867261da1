-- Whether a value, or a part of one, fits into a state: at most 256 KB as text, and at most 32 levels. Null for no
-- value. Every function that takes a value for a state calls it. write_state calls it for the value that is stored,
-- which can be larger than what the caller sent. In PL/pgSQL for the reason in json_within.

create function mayfly_private.is_state_value(value jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return mayfly_private.json_within(value, 262144, 32);
end
$$;

comment on function mayfly_private.is_state_value is 'Whether a value fits into a state.';
