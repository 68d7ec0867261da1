-- Returns the run of a lease. Locks the job, then the run. Fails unless the lease is the caller's. Every write of a
-- worker calls it first.

create function mayfly_private.held_run(lease text)
returns mayfly.runs
language plpgsql security definer
set search_path = ''
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  run mayfly.runs;
begin
  select * into run from mayfly.runs r where r.tenant_id = job.tenant_id and r.id = job.id for no key update;
  if run.id is null then
    perform mayfly_private.fail(404, 'run_unknown', 'The job of this lease is not a run.', null, '{"field": "lease"}');
  end if;
  return run;
end
$$;

comment on function mayfly_private.held_run is 'Locks and returns the run of a lease.';
