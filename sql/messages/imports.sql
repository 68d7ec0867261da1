-- How rows of this room come back from an export. Nobody reads an inbox of the new project yet.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.inboxes', '{"session": "null", "opened_at": "null"}'),
  ('mayfly.deliveries', '{"session": "null"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
