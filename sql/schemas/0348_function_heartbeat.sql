-- Says that the calling agent lives and, where given, what it is doing and at which task; an empty
-- task ends the one before. Leases what it listens to for 60 s: the log, and channels by their names; `lost`
-- says how many lost broadcasts it has noticed (see listen). For agents.

create function mayfly.heartbeat(
  activity text default null, task text default null, log boolean default false, channels text[] default '{}', lost integer default 0
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat(activity, task, log, channels, lost);

comment on function mayfly.heartbeat(text, text, boolean, text[], integer) is
  'Says that the calling agent lives, what it does and listens to. Returns { activity, task, expires_at, seconds_left, watched, newest }.';
revoke execute on function mayfly.heartbeat(text, text, boolean, text[], integer) from public;
grant execute on function mayfly.heartbeat(text, text, boolean, text[], integer) to authenticated;
