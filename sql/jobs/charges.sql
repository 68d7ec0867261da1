-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.jobs', 'r.bytes'),
  ('mayfly.finished_jobs', 'r.bytes'),
  ('mayfly.job_attributes', 'r.bytes'),
  ('mayfly.job_steps', 'r.bytes'),
  ('mayfly.job_signals', 'r.bytes'),
  ('mayfly.job_schedules', 'r.bytes'),
  ('mayfly.job_kinds', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.job_attempts', '1000 attempts per job, and jobs are charged'),
  ('mayfly.job_queues', '1000 rows per tenant'),
  ('mayfly_private.job_keys', 'one row per job, and jobs are charged'),
  ('mayfly_private.job_workers', 'one row per sleeping worker, for at most a minute'),
  ('mayfly_private.job_tenants', 'one row per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
