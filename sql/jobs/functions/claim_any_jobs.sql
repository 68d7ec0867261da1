-- Claims jobs of any tenant, for a fleet of your own workers that serves all tenants. Only the secret key can call it.
-- Each tenant gets a share of the jobs by its weight. Pass the `place` from the previous answer, so that this claim
-- continues after the last tenant of that answer. Each lease names the tenant of its job, and every later write reads
-- the tenant from the lease.

create function mayfly.claim_any_jobs(
  wanted integer default 1, queues text[] default null, names text[] default null, lease double precision default 30,
  place jsonb default null, park uuid default null
)
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, true);
end
$$;

comment on function mayfly.claim_any_jobs is
  'Claims jobs of any tenant, for the secret key: { jobs: [{ lease, id, tenant_id, name, input, attempt, … }], place, took }.';
grant execute on function mayfly.claim_any_jobs to service_role;
