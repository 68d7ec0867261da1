-- Records a heartbeat. It updates mayfly.agent_liveness at most once a second, and the agent's row only if its activity
-- or task changes. Like listen, it leases what the agent listens to, and returns the newest numbers of the log, the
-- inbox and the channels. Locks the caller's own rows, and what listen locks.

create function mayfly_private.heartbeat(activity text, task text, log boolean, channels text[], lost integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a heartbeat.', 'Call it with the token of an agent.');
  elsif activity not in ('idle', 'thinking', 'executing', 'waiting_input', 'waiting_approval', 'waiting_review', 'blocked') then
    perform mayfly_private.fail(400, 'invalid_request',
      'activity must be idle, thinking, executing, waiting_input, waiting_approval, waiting_review or blocked.', null, '{"field": "activity"}');
  elsif char_length(task) > 2000 then -- bounds: 2000 agent.task
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}'); -- bounds: 2000 agent.task
  end if;

  insert into mayfly.agent_liveness as l (tenant_id, agent_id, last_seen_at)
  values (of_tenant, caller.id, mayfly_private.now())
  on conflict (tenant_id, agent_id) do update set last_seen_at = excluded.last_seen_at
  where l.last_seen_at < excluded.last_seen_at - interval '1 second';

  update mayfly.agents a
  set activity = coalesce(heartbeat.activity, a.activity),
    task = case when heartbeat.task is null then a.task else nullif(heartbeat.task, '') end
  where a.tenant_id = of_tenant and a.id = caller.id
    and (a.activity, a.task) is distinct from (
      coalesce(heartbeat.activity, a.activity),
      case when heartbeat.task is null then a.task else nullif(heartbeat.task, '') end);

  select * into strict agent from mayfly.agents a where a.tenant_id = of_tenant and a.id = caller.id;
  return jsonb_build_object('activity', agent.activity, 'task', agent.task, 'expires_at', agent.expires_at,
    'seconds_left', mayfly_private.seconds_left(agent), 'watched', mayfly_private.is_watched(of_tenant, caller.id),
    'newest', mayfly_private.listen(heartbeat.log, heartbeat.channels, heartbeat.lost) - 'seconds');
end
$$;

comment on function mayfly_private.heartbeat is 'A heartbeat of the calling agent.';
grant execute on function mayfly_private.heartbeat to authenticated;

-- A heartbeat of the calling agent, optionally with its activity and its task. An empty task clears the current one.
-- Leases what the agent listens to for 60 s: the log, and channels by name. `lost` says how many lost broadcasts the
-- agent has noticed (see listen). Only agents can call it.

create function mayfly.heartbeat(
  activity text default null, task text default null, log boolean default false, channels text[] default '{}', lost integer default 0
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat(activity, task, log, channels, lost);

comment on function mayfly.heartbeat is
  'A heartbeat of the calling agent: what it is doing, and what it listens to. Returns { activity, task, expires_at, seconds_left, watched, newest }.';
grant execute on function mayfly.heartbeat to authenticated;
