-- How long jobs waited and ran, by tenant and queue: p50, p95 and p99 in milliseconds, of the jobs that ended in the
-- last hour. A job waits from when it is due until it begins. For a retried job, its last attempt counts. For the SQL
-- editor.

select
  t.name as tenant,
  f.queue,
  count(*) as ended,
  count(*) filter (where f.status = 'failed') as failed,
  count(*) filter (where f.attempt > 1) as tried_again,
  round(percentile_cont(0.5) within group (order by w.waited)::numeric, 1) as wait_p50,
  round(percentile_cont(0.95) within group (order by w.waited)::numeric, 1) as wait_p95,
  round(percentile_cont(0.99) within group (order by w.waited)::numeric, 1) as wait_p99,
  round(percentile_cont(0.5) within group (order by w.ran)::numeric, 1) as run_p50,
  round(percentile_cont(0.95) within group (order by w.ran)::numeric, 1) as run_p95,
  round(percentile_cont(0.99) within group (order by w.ran)::numeric, 1) as run_p99
from mayfly.finished_jobs f
join mayfly.tenants t on t.id = f.tenant_id
cross join lateral (
  select greatest(0, extract(epoch from f.started_at - f.run_at) * 1000) as waited,
    extract(epoch from f.finished_at - f.started_at) * 1000 as ran) w
where f.finished_at > clock_timestamp() - interval '1 hour'
group by t.name, t.id, f.queue
order by count(*) desc;
