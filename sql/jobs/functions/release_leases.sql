-- Takes back the leases of running jobs that the caller has locked, because the leases or their holders have ended. A
-- cancelled job ends. A job without attempts left fails, so a job that kills its worker each time becomes a dead
-- letter. All other jobs are ready again at once.

create function mayfly_private.release_leases(tenant uuid, ids uuid[], code text, message text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  why constant jsonb := jsonb_build_object('code', code, 'message', message);
  dropped uuid[];
  spent uuid[];
  again uuid[];
begin
  select array_agg(j.id order by j.id) filter (where j.cancelled),
    array_agg(j.id order by j.id) filter (where not j.cancelled and j.attempt >= j.max_attempts),
    array_agg(j.id order by j.id) filter (where not j.cancelled and j.attempt < j.max_attempts)
  into dropped, spent, again
  from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids);
  insert into mayfly.job_attempts (tenant_id, job_id, attempt, holder, started_at, error)
  select j.tenant_id, j.id, j.attempt, j.holder, j.started_at, why
  from mayfly.jobs j where j.tenant_id = tenant and j.id = any (spent || again)
  on conflict do nothing;
  perform mayfly_private.end_jobs(tenant, dropped, 'cancelled', null, null);
  perform mayfly_private.end_jobs(tenant, spent, 'failed', array_fill(why, array[coalesce(cardinality(spent), 0)]), null);
  perform mayfly_private.ready_jobs(tenant, again);
end
$$;

comment on function mayfly_private.release_leases is 'Takes back the leases of locked running jobs.';
