-- What the tenant uses of its quotas, and these. For everyone in it.

create function mayfly.usage()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.usage();

comment on function mayfly.usage() is
  'What the tenant uses: { memories, bytes, writes_this_minute, living_agents, spawns_left, limits }.';
revoke execute on function mayfly.usage() from public;
grant execute on function mayfly.usage() to authenticated, service_role;
