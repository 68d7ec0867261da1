-- Whether a JSON value is an ISO 8601 instant, or absent. Does not try a cast, because a cast raises errors. Checks a
-- pattern too, because pg_input_is_valid alone would accept 'tomorrow'.

create function mayfly_private.instant_or_absent(value jsonb)
returns boolean
language sql stable parallel safe
set search_path = ''
return coalesce(jsonb_typeof(value), 'null') = 'null'
  or (jsonb_typeof(value) = 'string'
    and value #>> '{}' ~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$'
    and pg_input_is_valid(value #>> '{}', 'timestamptz'));

comment on function mayfly_private.instant_or_absent is 'Whether a JSON value is an ISO 8601 instant, or absent.';
