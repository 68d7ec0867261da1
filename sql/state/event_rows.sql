-- Versions of states travel with the events of their change.

insert into mayfly_private.event_rows (entity, rows_function) values
  ('state', 'mayfly_private.state_rows')
on conflict (entity) do update set rows_function = excluded.rows_function;
