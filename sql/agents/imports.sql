-- How rows of this room come back from an export. The new project has no tokens for these agents, so they come back as
-- stopped.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.agents', '{
    "status": "case when r.status in (''running'', ''suspended'') then ''stopped'' else r.status end",
    "stopped_at": "coalesce(r.stopped_at, mayfly_private.now())",
    "stop_reason": "case when r.status in (''running'', ''suspended'') then ''imported'' else r.stop_reason end"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;

insert into mayfly_private.imports (relation, left_out) values
  ('mayfly.enrolment_keys', 'its secret is not in an export')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
