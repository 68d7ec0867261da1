-- The words of a memory are written with the memory, not generated, so that they can be improved. Rows with older words
-- stay unchanged until maintenance updates them. The column keeps its data.
alter table mayfly.memories alter column words drop expression;
alter table mayfly.memories alter column words set default '';
alter table mayfly.memories add column words_version smallint not null default 0;

-- Includes the tenant, so that a typo in one tenant does not read the labels of another.
drop index mayfly.memories_labels_idx;
create index memories_labels_idx on mayfly.memories
  using gin (tenant_id, mayfly_private.labels(task, tags) extensions.gin_trgm_ops);

-- The caller's key, and a hash with which identical content is stored once.
alter table mayfly.memories
  add column key text constraint memories_key_length check (char_length(key) between 1 and 200),
  add column content_hash uuid
    constraint memories_tombstone_unnamed check (deleted_at is null or (key is null and content_hash is null));
