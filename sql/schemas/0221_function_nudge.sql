-- Tells the readers of a tenant's log, or one agent, that there is something to pull: once a transaction
-- and audience, since all that it appends is seen with its commit. A savepoint that is rolled back takes
-- its nudge with it, and that it was sent. A broadcast that fails is only a warning of realtime.send: the
-- log is the truth. Called by the log's triggers.
--
-- Not once a second across transactions: who leaves its nudge out because another was just sent relies on
-- the reader's last pull in that window to come after its own commit, and nobody knows before a commit
-- when it will be seen. A transaction held open, or a commit that waits for its disk, would reach readers
-- with the next nudge or the 30 s net. The reader bounds its pulls by itself: sdk/src/pace.ts.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  topic constant text := case
    when audience is null then format('tenant:%s:log', tenant)
    else format('tenant:%s:agent:%s', tenant, audience)
  end;
  sent constant text := coalesce(current_setting('mayfly.nudged', true), '');
begin
  if strpos(sent, topic) > 0 then
    return;
  end if;
  -- To one that does not live nothing is said but its end: whoever still listens with its token hears no more.
  if exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = audience and mayfly_private.effective_status(a) <> 'running'
  ) then
    return;
  end if;
  -- A list that grew too long begins anew: a nudge too many does no harm.
  perform set_config('mayfly.nudged', case when length(sent) < 5000 then sent else '' end || topic || ' ', true);
  perform realtime.send('{}'::jsonb, 'log_appended', topic, true);
end
$$;

comment on function mayfly_private.nudge(uuid, uuid) is 'Broadcasts that the log has something new, once a transaction.';
revoke execute on function mayfly_private.nudge(uuid, uuid) from public;
