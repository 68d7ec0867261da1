-- How rows of this room come back from an export. In the new project, no call is under way, so nothing is reserved.

insert into mayfly_private.imports (relation, sets) values
  ('mayfly.budgets', '{"held_usd": "0", "held_tokens": "0"}')
on conflict (relation) do update set sets = excluded.sets, rows = excluded.rows, left_out = excluded.left_out;
