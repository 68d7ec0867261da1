-- Takes identifiers apart, so that camelCase, snake_case and paths are found by their parts, HTTPServer too.

create function mayfly_private.split_identifiers(content text)
returns text
language sql immutable parallel safe
set search_path = ''
return regexp_replace(
  regexp_replace(regexp_replace(content, '([a-z0-9])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'),
  '[_./\\:#@-]+', ' ', 'g');

comment on function mayfly_private.split_identifiers is 'The text with camelCase, snake_case and paths taken apart.';
