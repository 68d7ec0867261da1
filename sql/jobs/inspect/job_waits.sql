-- Waiting jobs: for which signals, child or time each waits, since when, and until when at most. Also the signals that
-- no job has taken. For the SQL editor.

select
  t.name as tenant,
  j.id,
  j.name,
  coalesce(nullif(left(array_to_string(j.wait_for, ', '), 200), ''), 'a time') as waits_for,
  (
    select string_agg(c.name || ' ' || c.status, ', ')
    from mayfly.jobs c
    where c.tenant_id = j.tenant_id and c.parent_id = j.id and 'job:' || c.id = any (j.wait_for)) as children,
  date_trunc('second', clock_timestamp() - j.started_at) as begun_ago,
  case when j.run_at < 'infinity' then date_trunc('second', j.run_at - clock_timestamp()) end as at_most,
  (
    select left(string_agg(distinct s.name, ', '), 200)
    from mayfly.job_signals s
    where s.tenant_id = j.tenant_id and s.job_id = j.id) as signals_kept
from mayfly.jobs j
join mayfly.tenants t on t.id = j.tenant_id
where j.status = 'waiting'
order by j.started_at
limit 1000;
