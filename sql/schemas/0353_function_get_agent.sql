-- The card of an agent (the caller, without an id): for callers with agent:read, for itself and its
-- ancestors.

create function mayfly.get_agent(id uuid default null)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.get_agent(id);

comment on function mayfly.get_agent(uuid) is
  'The card of an agent: who it is, what it can and does, how long it may still live, how many children it has.';
revoke execute on function mayfly.get_agent(uuid) from public;
grant execute on function mayfly.get_agent(uuid) to authenticated, service_role;
