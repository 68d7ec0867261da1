-- Takes up to `wanted` ready jobs of a tenant that has only one lane, without a target, a limit or a mark. Most tenants
-- are like this most of the time. Returns null if take_jobs has to look closer, because there are several lanes, or
-- because a job is due but not yet ready (`unless_due`). take_next and take_jobs call it, and their settings apply here
-- too. Locks the jobs that it takes, and waits for none.
--
-- All claims use JSON, not JSONB, because nothing reads the value before it is sent. Making it takes 10 µs a job
-- instead of 23.

create function mayfly_private.take_lane(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], held_until timestamptz, unless_due boolean
)
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  tenant constant uuid := worker.tenant_id;
  first_lane text collate "C";
  more_to_see boolean;
  label text;
  jobs json;
begin
  select f.lane, (f.lane is not null and exists (
      select from mayfly.jobs o where o.status = 'ready' and o.tenant_id = tenant and o.lane > f.lane))
    or exists (select from mayfly.job_queues q where q.tenant_id = tenant)
    or (unless_due and exists (
      select from mayfly.jobs d where d.status in ('scheduled', 'waiting') and d.run_at <= ts))
  into first_lane, more_to_see
  from (values (1)) as one (n)
  left join lateral (
    select r.lane from mayfly.jobs r
    where r.status = 'ready' and r.tenant_id = tenant
    order by r.tenant_id, r.lane limit 1) f on true;
  if more_to_see then
    return null;
  elsif first_lane is null then
    return '[]';
  end if;
  label := split_part(first_lane, '#', 1);
  if first_lane < '0' or split_part(label, '/', 2) <> all (names) or split_part(label, '/', 1) <> all (queues) then
    return null;
  end if;
  with taken as (
    update mayfly.jobs j
    set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
    where j.ctid = any (array(
      select h.ctid from mayfly.jobs h
      where h.status = 'ready' and h.tenant_id = tenant and h.lane = first_lane
      order by h.lane, h.priority, h.seq limit wanted for update skip locked))
    returning j.priority, j.seq, case
      -- Most jobs have none of these fields.
      when j.attempt > 1 or j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
        or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
      else json_build_object(
        'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
        'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
        'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
  )
  select json_agg(t.shown order by t.priority, t.seq) into jobs from taken t;
  return coalesce(jobs, '[]');
end
$$;

comment on function mayfly_private.take_lane is 'Takes ready jobs of a tenant that has one plain lane.';
