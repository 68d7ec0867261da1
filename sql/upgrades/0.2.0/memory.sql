-- The words of a memory are written by what writes the memory, not generated: so they can be improved, and rows with older
-- words stay as they are until maintenance comes to them. The column keeps its data.
alter table mayfly.memories alter column words drop expression;
alter table mayfly.memories alter column words set default '';
alter table mayfly.memories add column words_version smallint not null default 0;

-- With the tenant in it, so that a typo of one tenant does not read the labels of another.
drop index mayfly.memories_labels_idx;
create index memories_labels_idx on mayfly.memories
  using gin (tenant_id, mayfly_private.labels(task, tags) extensions.gin_trgm_ops);

-- A key of the caller's, and identical content stored once.
alter table mayfly.memories
  add column key text constraint memories_key_length check (char_length(key) between 1 and 200),
  add column content_hash uuid
    constraint memories_tombstone_unnamed check (deleted_at is null or (key is null and content_hash is null));
