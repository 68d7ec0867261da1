-- Tells the readers of a tenant's log, or one agent, that there is something to pull. A broadcast
-- that fails is only a warning of realtime.send: the log is the truth. Called by the log's triggers.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  select realtime.send(
    '{}'::jsonb,
    'log_appended',
    case
      when audience is null then format('tenant:%s:log', tenant)
      else format('tenant:%s:agent:%s', tenant, audience)
    end,
    true);
end;

comment on function mayfly_private.nudge(uuid, uuid) is 'Broadcasts that the log has something new.';
revoke execute on function mayfly_private.nudge(uuid, uuid) from public;
