-- Takes up to `wanted` ready jobs for a worker. Most tenants have a single plain lane, and take_lane serves them. This
-- function is separate from take_jobs, because setting the variables of take_jobs takes as long as finding a job. The
-- settings are those of take_jobs. Called by claim_jobs and turn_jobs. Locks what take_jobs locks.

create function mayfly_private.take_next(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb
)
returns mayfly_private.taken_jobs
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  begun constant timestamptz := clock_timestamp();
  jobs json;
begin
  if worker.tenant_id is not null and jsonb_typeof(place -> 'marks') is distinct from 'array' then
    jobs := mayfly_private.take_lane(worker, wanted, queues, names,
      least(mayfly_private.now() + make_interval(secs => lease_seconds), worker.expires_at), true);
    if jobs is not null then
      return row(jobs, octet_length(jobs::text) > 2, '{}', round(extract(epoch from clock_timestamp() - begun) * 1000, 3))::mayfly_private.taken_jobs;
    end if;
  end if;
  return mayfly_private.take_jobs(worker, wanted, queues, names, lease_seconds, place);
end
$$;

comment on function mayfly_private.take_next is 'Takes ready jobs for a worker, in the shortest way.';
