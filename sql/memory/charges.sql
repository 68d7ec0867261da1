-- How many bytes the tenant is charged for each row of this room's tables. The meters of this room count the same way.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.memories', 'mayfly_private.memory_charge(r.task, r.input, r.output, r.critique, r.tags, r.metadata, r.hlc, r.key)'),
  ('mayfly.memory_vectors', '32 + 2 * mayfly_private.embedding_dimensions()'),
  ('mayfly.memory_conflicts', 'mayfly_private.conflict_bytes(r.base, r.wanted)')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, flat, written) values ('mayfly.memory_aliases', 200, '{}')
on conflict (relation) do update set flat = excluded.flat, written = excluded.written;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.model_worths', '20 rows per tenant'),
  ('mayfly_private.embedding_queue', 'one row per memory'),
  ('mayfly_private.settlements', 'one row per model'),
  ('mayfly_private.word_frequencies', 'about 2,300 words per tenant'),
  ('mayfly_private.word_samples', 'one row per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
