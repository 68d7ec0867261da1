-- Jobs by tenant and queue: which are ready and since when, which are running and who holds them, which are
-- waiting, and which failed and why. For the SQL editor.

select
  t.name as tenant,
  q.queue,
  count(*) filter (where q.status = 'ready') as ready,
  date_trunc('second', clock_timestamp() - min(q.run_at) filter (where q.status = 'ready')) as oldest_ready,
  count(*) filter (where q.status = 'running') as running,
  count(*) filter (where q.status = 'running' and q.lease_end < clock_timestamp()) as leases_over,
  left(string_agg(distinct coalesce(a.name, u.email, 'the secret key'), ', ') filter (where q.status = 'running'), 200) as held_by,
  count(*) filter (where q.status = 'scheduled') as scheduled,
  count(*) filter (where q.status = 'waiting') as waiting,
  count(*) filter (where q.status = 'failed') as dead_letters,
  left(max(q.error ->> 'message') filter (where q.status = 'failed'), 100) as an_error
from (
  select j.tenant_id, j.queue, j.status, j.run_at, j.lease_end, j.holder, j.error from mayfly.jobs j
  union all
  select f.tenant_id, f.queue, f.status, f.run_at, null, null, f.error from mayfly.finished_jobs f where f.status = 'failed'
) q
join mayfly.tenants t on t.id = q.tenant_id
left join mayfly.agents a on a.tenant_id = q.tenant_id and a.id = q.holder
left join auth.users u on u.id = q.holder
group by t.name, t.id, q.queue
order by t.name, t.id, q.queue;
