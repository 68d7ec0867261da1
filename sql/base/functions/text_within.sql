-- Whether a JSON value is a text of at most this many characters, or absent.

create function mayfly_private.text_within(value jsonb, max_length integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case coalesce(jsonb_typeof(value), 'null')
  when 'null' then true
  when 'string' then char_length(value #>> '{}') <= max_length
  else false
end;

comment on function mayfly_private.text_within is 'Whether a JSON value is a text within a length, or absent.';
