-- How rows of this room come back from an export. An import starts no work: jobs that had not finished are left
-- out, and schedules come back paused.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.job_schedules', '{"paused": "true", "next_at": "null"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;

insert into mayfly_private.imports (relation, rows) values
  ('mayfly.job_attempts', 'exists (select from mayfly.finished_jobs f where f.tenant_id = r.tenant_id and f.id = r.job_id)'),
  ('mayfly.job_steps', 'exists (select from mayfly.finished_jobs f where f.tenant_id = r.tenant_id and f.id = r.job_id)')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;

insert into mayfly_private.imports (relation, left_out) values
  ('mayfly.jobs', 'it would be done twice'),
  ('mayfly.job_signals', 'its job is left out')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
