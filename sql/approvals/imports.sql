-- How rows of this room come back from an export. In the new project, no worker waits for a decision, so pending
-- approvals come back as ended.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.approvals', '{
    "status": "case r.status when ''pending'' then ''cancelled'' else r.status end",
    "decided_at": "coalesce(r.decided_at, mayfly_private.now())"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
