-- What most agents need, of what their spawner may give; to spawn, to stop, to administer, to watch and to
-- broadcast must be asked for. Broadcasts of clients count against the project's rate, past every quota. presence:read among them: who tracks and may see who is present is told of every
-- change by Realtime, whether it wants to or not, and each counts for each receiver.

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql immutable parallel safe
set search_path = ''
return (
  select coalesce(array_agg(s order by s), '{}') from unnest(allowed) s
  where s in ('memory:read', 'memory:write', 'agent:read', 'presence:write', 'message:send', 'message:read',
    'state:read', 'state:write', 'debug:write', 'job:read', 'job:add', 'job:work')
);

comment on function mayfly_private.common_scopes(text[]) is 'What most agents need of these scopes.';
revoke execute on function mayfly_private.common_scopes(text[]) from public;
