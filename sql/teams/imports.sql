-- How rows of this room come back from an export. The agents come back as ended, and so does everything that waited for
-- them.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.teams', '{
    "status": "''ended''",
    "ended_at": "coalesce(r.ended_at, mayfly_private.now())",
    "end_reason": "case r.status when ''running'' then ''imported'' else r.end_reason end"}'),
  ('mayfly.polls', '{
    "status": "case r.status when ''open'' then ''cancelled'' else r.status end",
    "closed_at": "coalesce(r.closed_at, mayfly_private.now())"}'),
  ('mayfly.tenders', '{
    "status": "case r.status when ''open'' then ''cancelled'' else r.status end",
    "closed_at": "coalesce(r.closed_at, mayfly_private.now())"}'),
  ('mayfly.team_alerts', '{"status": "''over''"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
