-- Whether a JSON value is a list of at most this many texts, each of 1 to 100 characters, or absent.

create function mayfly_private.texts_or_absent(value jsonb, max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case coalesce(jsonb_typeof(value), 'null')
  when 'null' then true
  when 'array' then jsonb_array_length(value) <= max_count
    and not exists (select from jsonb_array_elements(value) item
      where jsonb_typeof(item) <> 'string' or char_length(item #>> '{}') not between 1 and 100)
  else false
end;

comment on function mayfly_private.texts_or_absent is 'Whether a JSON value is a list of short texts, or absent.';
