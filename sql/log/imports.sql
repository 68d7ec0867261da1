-- How rows of this room come back from an export.

insert into mayfly_private.imports (relation, left_out) values
  ('mayfly.events', 'the log has its own order in each database: it tells what was imported')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
