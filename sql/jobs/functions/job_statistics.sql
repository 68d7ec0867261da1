-- The queues of the tenant: how many jobs each has in each status, since when its oldest ready job has been ready, and
-- its limits. Also how long jobs waited and ran (p50, p95 and p99, in milliseconds), for the newest 10,000 jobs that
-- ended in the last `seconds`. A queue that has limits is included even if it has no job. For callers with job:read.
-- Locks nothing.

create function mayfly.job_statistics(seconds double precision default 3600)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  if seconds is null or seconds not between 1 and 31536000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 1 to 31536000.', null, '{"field": "seconds"}');
  end if;
  return (
    with standing as (
      select j.queue, count(*) filter (where j.status = 'ready') as ready, count(*) filter (where j.status = 'running') as running,
        count(*) filter (where j.status = 'scheduled') as scheduled, count(*) filter (where j.status = 'waiting') as waiting,
        min(j.run_at) filter (where j.status = 'ready') as oldest_ready
      from mayfly.jobs j where j.tenant_id = tenant group by j.queue
    ), ended as (
      select f.queue, f.status, extract(epoch from f.started_at - f.run_at) * 1000 as waited, extract(epoch from f.finished_at - f.started_at) * 1000 as ran
      from mayfly.finished_jobs f
      where f.tenant_id = tenant and f.finished_at > mayfly_private.now() - make_interval(secs => seconds)
      order by f.finished_at desc limit 10000
    ), summed as (
      select e.queue, count(*) filter (where e.status = 'succeeded') as succeeded, count(*) filter (where e.status = 'failed') as failed,
        count(*) filter (where e.status = 'cancelled') as cancelled,
        percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by greatest(e.waited, 0)) as waited,
        percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by e.ran) as ran
      from ended e group by e.queue
    ), limited as (
      select q.name as queue, jsonb_strip_nulls(jsonb_build_object('paused', nullif(q.paused, false), 'max_running', q.max_running,
        'max_running_per_group', q.max_running_per_group, 'rate', q.rate, 'weight', nullif(q.weight, 1))) as limits
      from mayfly.job_queues q where q.tenant_id = tenant
    )
    select coalesce(jsonb_agg(jsonb_build_object(
      'queue', queue, 'limits', coalesce(l.limits, '{}'), 'ready', coalesce(s.ready, 0), 'running', coalesce(s.running, 0),
      'scheduled', coalesce(s.scheduled, 0), 'waiting', coalesce(s.waiting, 0), 'oldest_ready', s.oldest_ready,
      'succeeded', coalesce(e.succeeded, 0), 'failed', coalesce(e.failed, 0), 'cancelled', coalesce(e.cancelled, 0),
      'wait', mayfly_private.show_percentiles(e.waited), 'run', mayfly_private.show_percentiles(e.ran))
      order by queue), '[]')
    from standing s full join summed e using (queue) full join limited l using (queue));
end
$$;

comment on function mayfly.job_statistics is
  'The queues: jobs by status, limits, and p50, p95 and p99 of how long jobs waited and ran in the last `seconds`.';
grant execute on function mayfly.job_statistics to authenticated, service_role;
