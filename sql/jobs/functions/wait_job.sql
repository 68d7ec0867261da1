-- Takes a signal or puts a job to sleep. The lease must be the caller's. The row lock makes this call and those of
-- signal_job and tell_parents run one after the other. Whoever writes a signal holds the job, so either this call sees
-- the signal, or the writer sees that the job waits.
--
-- The outcome of a wait is recorded as the step `step`. When the job runs again, it reads the outcome from that step,
-- so a signal is taken once. A wait uses no attempt. Locks the job.

create function mayfly_private.wait_job(lease text, step text, signals text[], until timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  job mayfly.jobs;
  taken record;
  outcome jsonb;
  child jsonb;
begin
  if step is null or char_length(step) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'step must be a text of 1 to 200 characters.', null, '{"field": "step"}');
  elsif signals is null or not mayfly_private.labels_within(signals, 100) then
    perform mayfly_private.fail(400, 'invalid_request', 'signals must be at most 100 names of 1 to 100 characters.', null, '{"field": "signals"}');
  elsif cardinality(signals) = 0 and until is null then
    perform mayfly_private.fail(400, 'invalid_request', 'until is needed for a wait without signals.', null, '{"field": "until"}');
  end if;
  job := mayfly_private.fence_job(lease);
  outcome := (select s.result from mayfly.job_steps s where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = step);
  if outcome is not null then
    return outcome;
  end if;

  with first as (
    select s.name, s.id from mayfly.job_signals s
    where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = any (signals)
    order by s.id limit 1
  )
  delete from mayfly.job_signals s using first f
  where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = f.name and s.id = f.id
  returning s.name, s.payload, s.bytes into taken;
  if found then
    outcome := jsonb_build_object('signal', taken.name, 'payload', taken.payload);
    if left(taken.name, 4) = 'job:' then
      -- The signal that a child has ended comes with the child's result. Otherwise, workers for all tenants and
      -- workers that may not read jobs could not read the result.
      select jsonb_set(outcome, '{payload}', taken.payload || jsonb_strip_nulls(jsonb_build_object('error', f.error))
        || jsonb_build_object('result', f.result))
      into child
      from mayfly.finished_jobs f
      where f.tenant_id = job.tenant_id and f.id = mayfly_private.to_uuid(substr(taken.name, 5)) and f.parent_id = job.id;
      outcome := coalesce(child, outcome);
    end if;
  elsif until <= mayfly_private.now() then
    outcome := '{"timeout": true}';
  else
    update mayfly.jobs j
    set status = 'waiting', wait_for = signals, run_at = coalesce(until, 'infinity'), holder = null, lease_end = null,
      max_attempts = j.max_attempts + 1
    where j.tenant_id = job.tenant_id and j.id = job.id;
    return '{"waiting": true}';
  end if;
  insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
  values (job.tenant_id, job.id, step, job.attempt, outcome, 128 + octet_length(outcome::text));
  -- The signal's bytes only move to another table, so nothing is refused.
  perform mayfly_private.count_usage(job.tenant_id, 0, 128 + octet_length(outcome::text) - coalesce(taken.bytes, 0), 0);
  return outcome;
end
$$;

comment on function mayfly_private.wait_job is 'Waits for the first of several signals, or a time.';
grant execute on function mayfly_private.wait_job to authenticated, service_role;

-- Takes the first of several signals that has arrived. If `until` has passed, it returns { timeout }. Otherwise it puts
-- the job to sleep and returns { waiting }. The lease is then over, and the job runs again when a signal comes or when
-- `until` has passed. The outcome is recorded as the step. A timer is a wait without signals.

create function mayfly.wait_job(lease text, step text, signals text[] default '{}', until timestamptz default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.wait_job(lease, step, signals, until);
end
$$;

comment on function mayfly.wait_job is
  'Waits for the first of several signals, or a time: { signal, payload }, { timeout } or { waiting }. After { waiting }, the lease is over.';
grant execute on function mayfly.wait_job to authenticated, service_role;
