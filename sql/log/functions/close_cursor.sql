-- A cursor of the log as text, which callers keep and pass back. Only the database makes and reads its content.

create function mayfly_private.close_cursor(cursor_state jsonb)
returns text
language sql immutable
set search_path = ''
return translate(encode(convert_to(cursor_state::text, 'UTF8'), 'base64'), E'\n', '');

comment on function mayfly_private.close_cursor is 'A cursor of the log as text.';
