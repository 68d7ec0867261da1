-- Memories travel with the events that created and updated them.

insert into mayfly_private.event_rows (entity, rows_function) values
  ('memory', 'mayfly_private.memory_rows')
on conflict (entity) do update set rows_function = excluded.rows_function;
