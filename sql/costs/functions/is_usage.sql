-- Whether a JSON value is the usage of a call, which has a whole number for each unit.

create function mayfly_private.is_usage(given jsonb)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(given) = 'object', false) and not exists (
    select from jsonb_each(case when jsonb_typeof(given) = 'object' then given else '{}' end) u
    where u.key not in ('input', 'cache_read', 'cache_write', 'cache_write_1h', 'output', 'reasoning', 'input_audio', 'output_audio', 'requests', 'web_searches')
      or jsonb_typeof(u.value) <> 'number' or not mayfly_private.number_within(u.value, 0, 1e12, true));
end
$$;

comment on function mayfly_private.is_usage is 'Whether a JSON value is the usage of a call.';
