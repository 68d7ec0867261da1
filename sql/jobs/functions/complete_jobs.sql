-- Completes jobs for a holder. This is the core of complete_jobs and turn_jobs. One statement locks each job, and checks
-- all leases of the call. A job that was cancelled meanwhile ends as cancelled. If the first answer was lost and the
-- call is repeated, the second call changes nothing and reports the jobs as recorded. Locks the jobs by tenant and id.

create function mayfly_private.complete_held(holder mayfly_private.job_holder, done jsonb)
returns jsonb
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
  ts constant timestamptz := mayfly_private.now();
  fault integer;
  lease mayfly_private.lease;
  job record;
  places tid[];
  results jsonb[];
  cancelled_places tid[];
  dropped integer[];
  lost integer[];
begin
  if jsonb_typeof(done) is distinct from 'array' or jsonb_array_length(done) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'done must be an array of 1 to 1000 { lease, result? }.', null, '{"field": "done"}');
  end if;
  -- If every result is null or a boolean, nothing needs a closer check.
  if jsonb_path_exists(done, 'strict $[*] ? (@.type() != "object" || @.result.type() == "object" || @.result.type() == "array" || @.result.type() == "string" || @.result.type() == "number")') then
    select o.n - 1 into fault from jsonb_array_elements(done) with ordinality as o (d, n)
    where jsonb_typeof(o.d) <> 'object' or case
      when coalesce(jsonb_typeof(o.d -> 'result'), 'null') in ('null', 'boolean') then false
      else not (mayfly_private.json_within(o.d -> 'result', 262144, 32) and mayfly_private.numbers_kept(o.d -> 'result')) end -- bounds: 262144 job.resultBytes
    order by o.n limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_request',
        format('done[%s].result must be at most 256 KB of JSON with at most 32 levels and no number that JavaScript cannot hold.', fault),
        'Nothing was completed. Store large values elsewhere, and pass a reference.', jsonb_build_object('index', fault, 'field', 'result'));
    end if;
  end if;

  if jsonb_array_length(done) = 1 then
    -- Does the same as the code below, but for a single job and in a fifth of the time.
    lease := mayfly_private.lease_of(holder, done -> 0 ->> 'lease');
    select j.ctid as place, j.cancelled into job from mayfly.jobs j
    where j.tenant_id = lease.tenant_id and j.id = lease.job_id
      -- The fence: see fence_job.
      and coalesce(j.status = 'running' and j.attempt = lease.attempt and j.holder = holder.id and j.lease_end > ts, false)
    for update;
    if not found then
      lost := '{0}';
    elsif job.cancelled then
      cancelled_places := array[job.place];
      dropped := '{0}';
    else
      places := array[job.place];
      results := array[done -> 0 -> 'result'];
    end if;
  else
    -- If the call names a job twice, the job appears here twice, but it ends only once, with the first result.
    select
      array_agg(h.place) filter (where h.held and not h.cancelled), array_agg(h.result) filter (where h.held and not h.cancelled),
      array_agg(h.place) filter (where h.held and h.cancelled), array_agg(h.n) filter (where h.held and h.cancelled),
      array_agg(h.n) filter (where not h.held)
    into places, results, cancelled_places, dropped, lost
    from (
      select g.n, g.result, j.place, j.cancelled,
        -- The fence: see fence_job.
        coalesce(j.status = 'running' and j.attempt = g.attempt and j.holder = holder.id and j.lease_end > ts
          and (holder.tenant_id is null or holder.tenant_id = g.tenant_id), false) as held
      from (
        -- Parses each lease here, in the same way as lease_of, because a call of lease_of took 7 µs.
        select p.n, p.result, case when p.is_lease then right(p.token, 36)::uuid end as tenant_id,
          case when p.is_lease then left(right(p.token, 73), 36)::uuid end as job_id,
          case when p.is_lease then left(p.token, -74)::integer end as attempt
        from (
          select o.n - 1 as n, o.d -> 'result' as result, o.d ->> 'lease' as token,
            octet_length(o.d ->> 'lease') between 75 and 83
              and left(right(o.d ->> 'lease', 37), 1) = '.' and left(right(o.d ->> 'lease', 74), 1) = '.'
              and pg_input_is_valid(left(o.d ->> 'lease', -74), 'integer') and pg_input_is_valid(right(o.d ->> 'lease', 36), 'uuid')
              and pg_input_is_valid(left(right(o.d ->> 'lease', 73), 36), 'uuid') as is_lease
          from jsonb_array_elements(done) with ordinality as o (d, n)) p
        order by 3, 4, p.n) g
      left join lateral (
        select l.ctid as place, l.status, l.attempt, l.holder, l.lease_end, l.cancelled from mayfly.jobs l
        where l.tenant_id = g.tenant_id and l.id = g.job_id limit 1 for update) j on true) h;
  end if;

  if places is not null then
    perform mayfly_private.end_places(places, 'succeeded', null, results);
  end if;
  if lost is null and dropped is null then
    return '{"lost": [], "cancelled": []}';
  end if;
  perform mayfly_private.end_places(cancelled_places, 'cancelled', null, null);

  if lost is not null then
    -- If the caller holds none of these leases, it may no longer be alive.
    if holder.kind = 'agent' and places is null and dropped is null then
      perform mayfly_private.require_tenant('job:work');
    end if;
    lost := array(
      select t.n from unnest(lost) as t (n), mayfly_private.lease_of(holder, done -> t.n ->> 'lease') l
      where not exists (
        select from mayfly.finished_jobs f
        where f.tenant_id = l.tenant_id and f.id = l.job_id and f.attempt = l.attempt and f.holder = holder.id
          and f.status in ('succeeded', 'cancelled'))
      order by t.n);
  end if;
  return jsonb_build_object('lost', coalesce(lost, '{}'), 'cancelled', coalesce((select array_agg(distinct n order by n) from unnest(dropped) n), '{}'));
end
$$;

comment on function mayfly_private.complete_held is 'Completes jobs under the leases of a holder.';

-- Completes jobs for the caller. Locks what complete_held locks.

create function mayfly_private.complete_jobs(done jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  return mayfly_private.complete_held(mayfly_private.job_holder(), done);
end
$$;

comment on function mayfly_private.complete_jobs is 'Completes jobs under their leases.';
grant execute on function mayfly_private.complete_jobs to authenticated, service_role;

-- Completes 1 to 1,000 jobs: [{ lease, result? }]. Returns { lost, cancelled }, as positions in the list, counted from
-- 0. `lost` are the leases that the caller no longer holds, for which nothing was recorded. `cancelled` are the jobs
-- that were cancelled.

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.complete_jobs(done);
end
$$;

comment on function mayfly.complete_jobs is
  'Completes jobs: [{ lease, result? }]. Returns { lost: [place], cancelled: [place] }, counted from 0. For a lost lease, nothing was recorded.';
grant execute on function mayfly.complete_jobs to authenticated, service_role;
