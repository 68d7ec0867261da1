-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.runs', 'r.bytes'),
  ('mayfly.run_model_calls', 'r.bytes'),
  ('mayfly.run_tool_calls', 'r.bytes'),
  ('mayfly.run_chunks', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.run_watchers', 'one row per run, and runs are charged')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
