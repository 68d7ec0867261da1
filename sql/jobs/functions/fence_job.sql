-- Returns the job of a lease, locked until commit, if the lease is the caller's and has not ended. Otherwise it fails
-- with lease_lost, or with job_cancelled if the job was cancelled. Every write under a lease calls it first. It locks
-- FOR NO KEY UPDATE, because with a weaker lock, stopping the agent could release the job meanwhile.
--
-- This is the fence, and its definition: a caller holds a lease while the job is running, in the attempt of the lease,
-- with the caller as its holder, and before lease_end. Functions that take many leases repeat this condition, and refer
-- to fence_job there: complete_held, fail_jobs, heartbeat_jobs, release_jobs and cost_asks. If you change it, change it
-- in all of them. They do not share a function for it, because an empty search_path prevents inlining, and a call took
-- 1.5 to 3 µs a job.

create function mayfly_private.fence_job(token text)
returns mayfly.jobs
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  lease constant mayfly_private.lease := mayfly_private.lease_of(holder, token);
  job mayfly.jobs;
begin
  select * into job from mayfly.jobs j
  where j.tenant_id = lease.tenant_id and j.id = lease.job_id
  for no key update;
  if job.id is null or job.status <> 'running' or job.attempt <> lease.attempt or job.holder <> holder.id
    or job.lease_end <= mayfly_private.now() then
    perform mayfly_private.fail(409, 'lease_lost', 'The lease of this job is no longer valid: it has ended, or another worker has the job.',
      'Stop working on it. What was recorded is kept, and another worker continues if the job has not ended.', '{"field": "lease"}');
  elsif job.cancelled then
    perform mayfly_private.fail(409, 'job_cancelled', 'The job was cancelled.', 'Stop working on it, then fail or complete it.',
      jsonb_build_object('id', job.id));
  end if;
  return job;
end
$$;

comment on function mayfly_private.fence_job is 'Locks and returns the job of a lease. Fails unless the lease is the caller''s.';
