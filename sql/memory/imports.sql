-- How rows of this room come back from an export.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.memory_vectors', '{"settled": "false"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
