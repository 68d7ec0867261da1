-- Completes, fails and claims jobs. The claim locks the agent and its ancestors before any job is locked, because a
-- transaction that stops the agent holds the agents while it waits for the jobs.

create function mayfly_private.turn_jobs(
  done jsonb, failures jsonb, wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid
)
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(false);
  completed jsonb := '{"lost": [], "cancelled": []}';
  failed jsonb := '[]';
  taken mayfly_private.taken_jobs;
  late boolean;
  asleep boolean;
  look_in double precision;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  if done <> '[]' then
    completed := mayfly_private.complete_held(row(worker.kind, worker.tenant_id, worker.id)::mayfly_private.job_holder, done);
  end if;
  if failures <> '[]' then
    failed := mayfly_private.fail_jobs(failures);
  end if;
  perform mayfly_private.tick_jobs();
  late := park is not null and mayfly_private.adders_under_way(worker.tenant_id);
  asleep := park is not null and mayfly_private.is_parked(worker.tenant_id, park);
  taken := mayfly_private.take_next(worker, wanted, queues, names, lease, place);
  -- If the worker got fewer jobs than it wanted, no more were ready. One more look shows whether others have become
  -- ready since.
  if park is not null and (wanted = 0 or json_array_length(taken.jobs) < wanted) then
    look_in := mayfly_private.park_worker(worker, park, asleep, wanted, queues, names, lease);
  end if;
  return json_build_object('lost', completed -> 'lost', 'cancelled', completed -> 'cancelled', 'failed', failed,
    'jobs', taken.jobs, 'place', taken.place, 'took', taken.took, 'late', late and not taken.are_any, 'look_in', look_in, 'asleep', asleep and not taken.are_any);
end
$$;

comment on function mayfly_private.turn_jobs is 'Completes and fails jobs, and claims more.';
grant execute on function mayfly_private.turn_jobs to authenticated, service_role;

-- A worker's turn in one call: complete_jobs, fail_jobs and claim_jobs, in one transaction. Returns the answers of all
-- three: { lost, cancelled, failed, jobs, place, took, late, asleep }. `asleep` means that the worker slept before this
-- look, and the look found nothing.

create function mayfly.turn_jobs(
  done jsonb default '[]', failures jsonb default '[]', wanted integer default 1, queues text[] default null, names text[] default null,
  lease double precision default 30, place jsonb default null, park uuid default null
)
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.turn_jobs(done, failures, wanted, queues, names, lease, place, park);
end
$$;

comment on function mayfly.turn_jobs is
  'A worker''s turn: completes and fails jobs, and claims more: { lost, cancelled, failed, jobs, place, took, late }.';
grant execute on function mayfly.turn_jobs to authenticated, service_role;
