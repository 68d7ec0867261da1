-- The texts of a JSON list, or null if it is absent.

create function mayfly_private.texts_of(value jsonb)
returns text[]
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(value) = 'array' then array(select jsonb_array_elements_text(value)) end;

comment on function mayfly_private.texts_of is 'The texts of a JSON list, or null.';
