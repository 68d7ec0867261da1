-- How rows of this room come back from an export.

insert into mayfly_private.imports (relation, left_out) values
  ('mayfly.artifacts', 'its file is in Storage, not in an export')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
