-- Dead letters, which are jobs that have failed for good, by tenant, queue and error, each with its newest job. `mayfly
-- redrive` or jobs.redrive() makes them ready again. jobs.discard() deletes them. For the SQL editor.

select
  t.name as tenant,
  f.queue,
  f.name,
  f.error ->> 'code' as code,
  count(*) as jobs,
  min(f.finished_at) as first,
  max(f.finished_at) as last,
  max(f.attempt) as most_attempts,
  (array_agg(f.id order by f.finished_at desc))[1] as newest,
  left((array_agg(f.error ->> 'message' order by f.finished_at desc))[1], 200) as it_said
from mayfly.finished_jobs f
join mayfly.tenants t on t.id = f.tenant_id
where f.status = 'failed'
group by t.name, t.id, f.queue, f.name, f.error ->> 'code'
order by count(*) desc, t.name;
