-- Moves a run that the caller has locked to another status. Only the changes of status below are allowed. Any other
-- change fails with transition_not_allowed. Writes to the log.

create function mayfly_private.move_run(run mayfly.runs, to_status text, output text, error jsonb)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ends constant boolean := to_status not in ('queued', 'running');
  size constant integer := coalesce(octet_length(output), 0) + coalesce(octet_length(error::text), 0);
begin
  if not (case run.status
      when 'queued' then to_status in ('running', 'failed', 'cancelled')
      when 'running' then to_status in ('succeeded', 'failed', 'cancelled', 'max_steps', 'max_time', 'max_tokens', 'max_cost')
      -- Only a succeeded or cancelled run has ended for good. A run that has ended in any other way waits again if its
      -- job is redriven (requeue_runs).
      when 'succeeded' then false
      when 'cancelled' then false
      else to_status = 'queued' end) then
    perform mayfly_private.fail(409, 'transition_not_allowed', format('A run that is %s cannot become %s.', run.status, to_status), null,
      jsonb_build_object('from', run.status, 'to', to_status));
  end if;
  update mayfly.runs r
  set status = to_status, output = move_run.output::json, error = move_run.error, ended_at = case when ends then mayfly_private.now() end,
    started_at = coalesce(r.started_at, case when to_status = 'running' then mayfly_private.now() end), bytes = r.bytes + size
  where r.tenant_id = run.tenant_id and r.id = run.id;
  perform mayfly_private.count_usage(run.tenant_id, 0, size, 0);
  if ends then
    perform mayfly_private.append_events(run.tenant_id, case when to_status in ('succeeded', 'cancelled') then 'run.' || to_status else 'run.failed' end, array[run.id]);
  end if;
end
$$;

comment on function mayfly_private.move_run is 'Moves a locked run to another status.';
