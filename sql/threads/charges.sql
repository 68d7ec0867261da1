-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.threads', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.checkpoints', 'the threads to which these rows belong, which are charged'),
  ('mayfly.thread_parts', 'the threads to which these rows belong, which are charged'),
  ('mayfly.thread_writes', 'the threads to which these rows belong, which are charged')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
