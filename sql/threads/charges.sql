-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.threads', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.checkpoints', 'its thread, which is charged'),
  ('mayfly.thread_parts', 'its thread, which is charged'),
  ('mayfly.thread_writes', 'its thread, which is charged')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
