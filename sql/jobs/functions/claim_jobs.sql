-- Gives jobs to a worker (scope job:work). Takes shared advisory locks on the tenant, the agent and its ancestors, and
-- then locks the jobs that it takes. It never waits for a job that another transaction has locked.

create function mayfly_private.claim_jobs(
  wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid, any_tenant boolean
)
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(any_tenant);
  taken mayfly_private.taken_jobs;
  late boolean;
  asleep boolean;
  look_in double precision;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  perform mayfly_private.tick_jobs();
  late := park is not null and mayfly_private.adders_under_way(worker.tenant_id);
  asleep := park is not null and mayfly_private.is_parked(worker.tenant_id, park);
  taken := mayfly_private.take_next(worker, wanted, queues, names, lease, place);
  -- If the worker got fewer jobs than it wanted, no more were ready. One more look shows whether others have become
  -- ready since.
  if park is not null and (wanted = 0 or json_array_length(taken.jobs) < wanted) then
    look_in := mayfly_private.park_worker(worker, park, asleep, wanted, queues, names, lease);
  end if;
  return json_build_object('jobs', taken.jobs, 'place', taken.place, 'took', taken.took,
    'late', late and not taken.are_any, 'look_in', look_in, 'asleep', asleep and not taken.are_any);
end
$$;

comment on function mayfly_private.claim_jobs is 'Claims jobs that are ready.';
grant execute on function mayfly_private.claim_jobs to authenticated, service_role;

-- Claims up to `wanted` jobs of the tenant for `lease` seconds. If queues or names are given, only jobs of these are
-- claimed. A job that is targeted at another agent is never claimed. Each job comes with its lease, which every later
-- write must pass. Pass the `place` from the previous answer. `park` is an id that the worker chooses. If it is passed,
-- the worker is woken when there are new jobs. `asleep` says that this call found nothing, and that the worker was
-- already registered as asleep before this call. From the second attempt on, a job comes with its recorded `steps`. If
-- these exceed 16 KB, they are left out, and the worker gets them with read_steps.

create function mayfly.claim_jobs(
  wanted integer default 1, queues text[] default null, names text[] default null, lease double precision default 30,
  place jsonb default null, park uuid default null
)
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, false);
end
$$;

comment on function mayfly.claim_jobs is
  'Claims jobs that are ready: { jobs: [{ lease, id, name, input, attempt, … }], place, took, late }.';
grant execute on function mayfly.claim_jobs to authenticated, service_role;
