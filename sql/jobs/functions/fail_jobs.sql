-- Records failures. A job that may be retried and has an attempt left is scheduled again after a random wait between 0
-- and min(base * factor^n, cap), where n is the number of earlier attempts that failed or were lost (full jitter:
-- Brooker, "Exponential Backoff And Jitter", AWS 2015). Waits and returned jobs do not count as failures. Locks the jobs
-- by tenant and id.

create function mayfly_private.fail_jobs(failures jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := mayfly_private.now();
  fault record;
  failure record;
  job mayfly.jobs;
  failed_with jsonb;
  pause double precision;
  outcomes jsonb := '{}';
  held integer := 0;
begin
  if jsonb_typeof(failures) is distinct from 'array' or jsonb_array_length(failures) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'failures must be an array of 1 to 1000 { lease, error, retryable?, retry_in? }.',
      null, '{"field": "failures"}');
  end if;
  select o.n - 1 as index, case
      when jsonb_typeof(o.f -> 'error') is distinct from 'object' or jsonb_typeof(o.f -> 'error' -> 'message') is distinct from 'string' then 'error'
      when coalesce(jsonb_typeof(o.f -> 'retryable'), 'null') not in ('boolean', 'null') then 'retryable'
      when not mayfly_private.number_within(o.f -> 'retry_in', 0, 31536000) then 'retry_in' end as field
  into fault
  from jsonb_array_elements(failures) with ordinality as o (f, n)
  where jsonb_typeof(o.f -> 'error') is distinct from 'object' or jsonb_typeof(o.f -> 'error' -> 'message') is distinct from 'string'
    or coalesce(jsonb_typeof(o.f -> 'retryable'), 'null') not in ('boolean', 'null') or not mayfly_private.number_within(o.f -> 'retry_in', 0, 31536000)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('failures[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'error' then '{ code?, message }' when 'retryable' then 'true or false' else 'seconds from 0 to 31536000' end),
      'Nothing was recorded.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  for failure in
    select o.n, o.f, o.f ->> 'lease' as token, l.tenant_id, l.job_id, l.attempt
    from jsonb_array_elements(failures) with ordinality as o (f, n), mayfly_private.lease_of(holder, o.f ->> 'lease') l
    order by l.tenant_id, l.job_id
  loop
    select * into job from mayfly.jobs j where j.tenant_id = failure.tenant_id and j.id = failure.job_id for update;
    -- The fence: see fence_job.
    if job.id is null or job.status <> 'running' or job.attempt <> failure.attempt or job.holder <> holder.id or job.lease_end <= ts then
      outcomes := outcomes || jsonb_build_object(failure.n - 1, case
        -- An earlier call has already recorded this failure.
        when exists (select from mayfly.job_attempts a where a.tenant_id = failure.tenant_id and a.job_id = failure.job_id
          and a.attempt = failure.attempt and a.holder = holder.id and a.error ->> 'code' not in ('lease_ended', 'worker_ended', 'job_timeout')) then 'recorded'
        else 'lost' end);
      continue;
    end if;
    held := held + 1;
    failed_with := jsonb_build_object('code', left(coalesce(failure.f -> 'error' ->> 'code', 'failed'), 100),
      'message', left(failure.f -> 'error' ->> 'message', 2000));
    insert into mayfly.job_attempts (tenant_id, job_id, attempt, holder, started_at, error)
    values (job.tenant_id, job.id, job.attempt, job.holder, job.started_at, failed_with)
    on conflict do nothing;
    if job.cancelled then
      perform mayfly_private.end_jobs(job.tenant_id, array[job.id], 'cancelled', null, null);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'cancelled');
    elsif coalesce((failure.f ->> 'retryable')::boolean, true) and job.attempt < job.max_attempts then
      pause := coalesce((failure.f ->> 'retry_in')::double precision, random() * least(
        coalesce((job.backoff ->> 'cap')::double precision, 300),
        coalesce((job.backoff ->> 'base')::double precision, 1) * power(coalesce((job.backoff ->> 'factor')::double precision, 2), least(30, (
          select count(*) - 1 from mayfly.job_attempts a where a.tenant_id = job.tenant_id and a.job_id = job.id)))));
      if pause > 0 then
        update mayfly.jobs j
        set status = 'scheduled', run_at = ts + make_interval(secs => pause), holder = null, lease_end = null, error = failed_with
        where j.tenant_id = job.tenant_id and j.id = job.id;
      else
        update mayfly.jobs j set error = failed_with where j.tenant_id = job.tenant_id and j.id = job.id;
        perform mayfly_private.ready_jobs(job.tenant_id, array[job.id]);
      end if;
      perform mayfly_private.append_events(job.tenant_id, 'job.retrying', array[job.id]);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'retrying');
    else
      perform mayfly_private.end_jobs(job.tenant_id, array[job.id], 'failed', array[failed_with], null);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'failed');
    end if;
  end loop;
  if holder.kind = 'agent' and held = 0 then
    -- If the caller holds none of these leases, it may no longer be alive.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return (select jsonb_agg(outcomes -> (n - 1)::text order by n) from generate_series(1, jsonb_array_length(failures)) n);
end
$$;

comment on function mayfly_private.fail_jobs is 'Records that attempts of jobs failed.';
grant execute on function mayfly_private.fail_jobs to authenticated, service_role;

-- Records failed attempts: [{ lease, error: { code?, message }, retryable?, retry_in? }]. For each, in order, returns
-- retrying, failed (a dead letter), cancelled, recorded (by an earlier call) or lost.

create function mayfly.fail_jobs(failures jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.fail_jobs(failures);
end
$$;

comment on function mayfly.fail_jobs is
  'Records that attempts failed: [{ lease, error: { code?, message }, retryable?, retry_in? }]. Returns [retrying | failed | cancelled | recorded | lost].';
grant execute on function mayfly.fail_jobs to authenticated, service_role;
