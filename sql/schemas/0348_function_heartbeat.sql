-- Says that the calling agent lives and, where given, what it is doing and at which task; an empty
-- task ends the one before. For agents.

create function mayfly.heartbeat(activity text default null, task text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat(activity, task);

comment on function mayfly.heartbeat(text, text) is
  'Says that the calling agent lives, and what it does. Returns { activity, task, expires_at, seconds_left }.';
revoke execute on function mayfly.heartbeat(text, text) from public;
grant execute on function mayfly.heartbeat(text, text) to authenticated;
