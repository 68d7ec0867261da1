-- Ends a run. The run and its job end in one transaction, so that after a crash nothing is paid twice. Locks the job
-- and the run, then the parent of the job.
--
-- Limits of steps and seconds that the run was started with cannot be changed, so a run that has reached one is final:
-- redrive_jobs refuses its job. A run can continue with a higher budget, and without a limit of steps of its own, the
-- limit of its agent's definition applies, which may have changed.

create function mayfly_private.end_run(lease text, status text, output text, error jsonb, chunks jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
  more integer;
  is_final boolean;
  why constant jsonb := jsonb_build_object('code', left(coalesce(error ->> 'code', status), 100), 'message', left(coalesce(error ->> 'message', status), 2000));
begin
  if end_run.status is null or end_run.status not in ('succeeded', 'failed', 'max_steps', 'max_time', 'max_tokens', 'max_cost') then
    perform mayfly_private.fail(400, 'invalid_request', 'status must be succeeded, failed, max_steps, max_time, max_tokens or max_cost.', null, '{"field": "status"}');
  elsif output is not null and not coalesce(pg_input_is_valid(output, 'json') and octet_length(output) <= 262144, false) then
    perform mayfly_private.fail(400, 'invalid_request', 'output must be at most 256 KB of JSON.', null, '{"field": "output"}');
  end if;
  run := mayfly_private.held_run(lease);
  if chunks is not null then
    more := mayfly_private.put_run_chunks(run, chunks);
    if more > 0 then
      perform mayfly_private.count_usage(run.tenant_id, 0, 128 + octet_length(chunks ->> 'chunks'), 1);
      update mayfly.runs r set last_chunk = r.last_chunk + more where r.tenant_id = run.tenant_id and r.id = run.id;
    end if;
  end if;
  perform mayfly_private.move_run(run, end_run.status, output, case when end_run.status <> 'succeeded' then why end);
  select * into run from mayfly.runs r where r.tenant_id = run.tenant_id and r.id = run.id;
  is_final := end_run.status = 'max_time' or (end_run.status = 'max_steps' and run.limits ? 'steps');
  perform mayfly_private.end_jobs(run.tenant_id, array[run.id], case when end_run.status = 'succeeded' then 'succeeded' else 'failed' end,
    case when end_run.status <> 'succeeded' then array[case when is_final then why || '{"final": true}' else why end] end,
    -- The parent of a delegated run reads the output from the job. If jsonb cannot hold the output, the output is
    -- stored only in the run.
    case when end_run.status = 'succeeded' and pg_input_is_valid(output, 'jsonb') then array[output::jsonb] end);
  perform mayfly_private.tell_run(run, true);
  return mayfly_private.show_run(run);
end
$$;

comment on function mayfly_private.end_run is 'Ends a run with its job.';
grant execute on function mayfly_private.end_run to authenticated, service_role;

-- Ends a run and its job, under the lease. The status is `succeeded`, with an output (a text of JSON), or `failed`,
-- `max_steps`, `max_time`, `max_tokens` or `max_cost`, with an error { code, message }. `chunks` { after, chunks, size
-- } are the last chunks of the run's stream. Returns the run.

create function mayfly.end_run(lease text, status text, output text default null, error jsonb default null, chunks jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.end_run(lease, status, output, error, chunks);
end
$$;

comment on function mayfly.end_run is 'Ends a run with its job. Returns the run.';
grant execute on function mayfly.end_run to authenticated, service_role;
