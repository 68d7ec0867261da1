-- Memories are sent together with the events that created and updated them.

insert into mayfly_private.event_rows (entity, work) values
  ('memory', 'mayfly_private.memory_rows(uuid, jsonb, jsonb, bigint)')
on conflict (entity) do update set work = excluded.work;
