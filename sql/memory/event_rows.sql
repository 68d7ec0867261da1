-- Memories are sent together with the events that report their creation and their updates.

insert into mayfly_private.event_rows (entity, work) values
  ('memory', 'mayfly_private.memory_rows(uuid, jsonb, jsonb, bigint)')
on conflict (entity) do update set work = excluded.work;
