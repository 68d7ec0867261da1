-- How rows of this room come back from an export. The jobs of runs are left out, so open runs come back as ended.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.runs', '{
    "status": "case when r.status in (''queued'', ''running'') then ''cancelled'' else r.status end",
    "ended_at": "coalesce(r.ended_at, mayfly_private.now())"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
