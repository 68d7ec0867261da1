-- The release of Mayfly whose migrations this database has, and the oldest release whose edge functions and SDK the
-- database serves. Written by npm run build:migrations from sql/releases.json. Called by check_version and
-- installation.

create function mayfly_private.release()
returns jsonb
language sql immutable parallel safe
set search_path = ''
return '{"installed": "0.2.0", "serves": "0.1.0"}'::jsonb;

comment on function mayfly_private.release is 'Which release this database has, and the oldest one that it serves.';
