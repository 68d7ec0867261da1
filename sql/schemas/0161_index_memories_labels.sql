-- For the words of a question that nothing is found for: see mayfly_private.recall.

create index memories_labels_idx on mayfly.memories
  using gin (mayfly_private.labels(task, tags) extensions.gin_trgm_ops);
-- An expression has statistics of its own.
alter index mayfly.memories_labels_idx alter column 1 set statistics 0;
