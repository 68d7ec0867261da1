-- How rows of this room come back from an export. The jobs of runs are left out, so open runs come back as ended. The
-- attributes of jobs are here too, because those of runs come back even if their jobs do not.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.runs', '{
    "status": "case when r.status in (''queued'', ''running'') then ''cancelled'' else r.status end",
    "ended_at": "coalesce(r.ended_at, mayfly_private.now())"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;

insert into mayfly_private.imports (relation, rows, sets) values
  ('mayfly.job_attributes',
    'exists (select from mayfly.finished_jobs f where f.tenant_id = r.tenant_id and f.id = r.job_id)
      or exists (select from mayfly.runs u where u.tenant_id = r.tenant_id and u.id = r.job_id)',
    '{"kept": "not exists (select from mayfly.finished_jobs f where f.tenant_id = r.tenant_id and f.id = r.job_id)"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
