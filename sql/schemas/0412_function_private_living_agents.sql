-- The definer half of mayfly.living_agents: who sees who is present may be told who of them lives,
-- also without agent:read. Locks nothing.

create function mayfly_private.living_agents(ids uuid[])
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('presence:read');
begin
  if ids is null or cardinality(ids) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be at most 1000 ids of agents.', 'Ask in several calls.', '{"field": "ids"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name, 'type', a.type, 'activity', a.activity,
      'seconds_left', mayfly_private.seconds_left(a)) order by a.id), '[]')
    from mayfly.agents a
    where a.tenant_id = tenant and a.id = any (ids) and a.status = 'running'
      and mayfly_private.effective_status(a) = 'running');
end
$$;

comment on function mayfly_private.living_agents(uuid[]) is 'Which of these agents are alive.';
revoke execute on function mayfly_private.living_agents(uuid[]) from public;
grant execute on function mayfly_private.living_agents(uuid[]) to authenticated, service_role;
