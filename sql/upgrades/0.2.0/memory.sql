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

-- The names of fields are checked by a push, so that a new field needs no change of this constraint.
alter table mayfly.memory_conflicts
  drop constraint memory_conflicts_field_known,
  add constraint memory_conflicts_field_length check (char_length(field) <= 63) not valid;
-- pgt-ignore lint/safety/requireSeparateConstraintValidation: A project has few conflicts.
alter table mayfly.memory_conflicts validate constraint memory_conflicts_field_length;
