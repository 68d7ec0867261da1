-- What agents learned. A deleted memory stays as a tombstone without content. The constraints repeat the bounds of
-- check_push, whose errors also name the field and the operation. The constraints apply to every writer, so no column
-- is without a bound.
--
-- Identical memories are stored once: content_hash says which memories are identical, memories_content_idx keeps a
-- second copy out, and find_copies finds the first one.

create table mayfly.memories (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid,
  pushed_by uuid,
  session_id uuid,
  conversation_id uuid,
  kind text not null default 'episode'
    constraint memories_kind_known check (kind in (
      'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general')),
  task text not null default '' constraint memories_task_length check (char_length(task) <= 2000), -- bounds: 2000 memory.task
  input text not null default '' constraint memories_input_length check (char_length(input) <= 100000), -- bounds: 100000 memory.input
  output text not null default '' constraint memories_output_length check (char_length(output) <= 100000), -- bounds: 100000 memory.output
  critique text not null default '' constraint memories_critique_length check (char_length(critique) <= 20000), -- bounds: 20000 memory.critique
  reward real constraint memories_reward_range check (reward between 0 and 1),
  success boolean,
  importance smallint not null default 5 constraint memories_importance_range check (importance between 1 and 10), -- bounds: 10 memory.importance
  tags text[] not null default '{}'
    constraint memories_tags_count check (cardinality(tags) <= 50) -- bounds: 50 memory.tags
    -- Each tag has at most 100 characters. Checking each tag would take a query for each row.
    constraint memories_tags_length check (
      array_position(tags, null) is null and array_position(tags, '') is null
      and char_length(array_to_string(tags, '')) <= 100 * cardinality(tags)), -- bounds: 100 memory.tag
  metadata jsonb not null default '{}'
    constraint memories_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 65536) -- bounds: 65536 memory.metadataBytes
    -- A nested object takes at least 8 bytes, so 256 bytes cannot hold 33 levels.
    constraint memories_metadata_depth check (
      pg_column_size(metadata) <= 256 or not jsonb_path_exists(metadata, '$.**{33 to last}')), -- bounds: 33 memory.metadataLevels + 1
  tokens integer constraint memories_tokens_range check (tokens >= 0),
  latency_ms integer constraint memories_latency_ms_range check (latency_ms >= 0),
  visibility text not null default 'tenant'
    constraint memories_visibility_known check (visibility in ('tenant', 'agent')),
  language text not null default 'english' constraint memories_language_length check (char_length(language) <= 20),
  -- The highest version is one above the last that an update may write (mayfly_private.apply_updates), so that a memory
  -- at that limit can still be forgotten.
  version integer not null default 1 constraint memories_version_range check (version between 1 and 2000000001),
  -- The limit is enough for a timestamp of 55 characters for each of 16 fields.
  hlc jsonb not null default '{}'
    constraint memories_hlc_object check (jsonb_typeof(hlc) = 'object' and pg_column_size(hlc) <= 2048),
  created_at timestamptz not null default now() constraint memories_created_at_finite check (isfinite(created_at)),
  updated_at timestamptz not null default now(),
  expires_at timestamptz constraint memories_expires_at_finite check (isfinite(expires_at)),
  deleted_at timestamptz,
  -- Made by mayfly_private.words. A push calls it, and for other writes a trigger does (mayfly_private.write_words).
  words tsvector not null default '',
  words_version smallint not null default 0,
  -- The caller's own name for the memory: see mayfly_private.match_keys.
  key text constraint memories_key_length check (char_length(key) between 1 and 200), -- bounds: 200 memory.key
  -- Set for memories that were put with "once", until they change.
  content_hash uuid,
  constraint memories_text_present check (deleted_at is not null or task <> '' or input <> '' or output <> ''),
  constraint memories_tombstone_empty check (deleted_at is null or (task = '' and input = '' and output = '' and critique = ''
    and tags = '{}' and metadata = '{}')),
  constraint memories_tombstone_unnamed check (deleted_at is null or (key is null and content_hash is null)),
  constraint memories_pkey primary key (tenant_id, id),
  constraint memories_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint memories_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id)
);

create index memories_agent_idx on mayfly.memories (tenant_id, agent_id);
-- The index begins with the tenant, so words that are common in the project cost a small tenant nothing, and the
-- planner needs no statistics about them. Otherwise a search in a tenant of 1,000 memories would read the words of
-- 100,000 rows, and the tags of all (32 ms instead of 3). This index has two thirds of the size of two separate
-- indexes, one for words and one for tags.
create index memories_search_idx on mayfly.memories using gin (tenant_id, words, tags);
-- Rows that maintenance has not rewritten yet. While a tenant has some, recall also searches for words in their
-- old form.
create index memories_old_words_idx on mayfly.memories (tenant_id) where words_version = 0;
-- Finds the memories before and after a memory (see mayfly_private.neighbours_of).
create index memories_thread_idx on mayfly.memories (tenant_id, coalesce(conversation_id, session_id), created_at, id)
  where coalesce(conversation_id, session_id) is not null;
-- A key belongs to the tenant or, for a private memory, to its agent, so a taken key reveals nothing about other
-- agents' private memories.
create unique index memories_key_idx on mayfly.memories (tenant_id,
  (case visibility when 'agent' then coalesce(agent_id, '00000000-0000-0000-0000-000000000000') else tenant_id end), key)
  where key is not null;
create unique index memories_content_idx on mayfly.memories (tenant_id, content_hash) where content_hash is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.memories
  alter column agent_id set statistics 0,
  alter column pushed_by set statistics 0,
  alter column session_id set statistics 0,
  alter column conversation_id set statistics 0,
  alter column task set statistics 0,
  alter column input set statistics 0,
  alter column output set statistics 0,
  alter column critique set statistics 0,
  alter column tags set statistics 0,
  alter column metadata set statistics 0,
  alter column language set statistics 0,
  alter column hlc set statistics 0,
  alter column words set statistics 0,
  alter column key set statistics 0,
  alter column content_hash set statistics 0;

comment on table mayfly.memories is 'What agents learned, one row for each memory. A memory outlives the agent that learned it.';
comment on column mayfly.memories.id is 'Made by the client: a UUIDv7.';
comment on column mayfly.memories.agent_id is 'The agent that learned it, as the pusher claims. Null for a person or the secret key.';
comment on column mayfly.memories.pushed_by is 'The agent or person whose token pushed it; null for the secret key.';
comment on column mayfly.memories.reward is 'How well it went, from 0 to 1.';
comment on column mayfly.memories.visibility is '''tenant'', or ''agent'': only that agent, its ancestors and the tenant''s admins.';
-- Each field has a timestamp of its own. With a single timestamp, an update of the reward would make an older update of
-- the critique look outdated if the older one arrives later. The order of arrival would then decide.
comment on column mayfly.memories.hlc is
  'The hybrid logical timestamp of each updated field, {field: timestamp}. Other fields are unchanged since the put.';
comment on column mayfly.memories.words_version is
  'The version of mayfly_private.words that wrote its words. 0 is the version of 0.1.0.';
comment on column mayfly.memories.key is 'The caller''s key: a put with the same key changes this memory.';
comment on column mayfly.memories.content_hash is
  'The hash of its content. A put with "once" is not stored if a memory has the same hash.';
comment on column mayfly.memories.deleted_at is 'Set on a tombstone, whose content is gone.';

-- This index is for words of a question that match nothing (see mayfly_private.find_typos). It begins with the tenant,
-- so that a small tenant does not pay for the labels of a large one.

create index memories_labels_idx on mayfly.memories
  using gin (tenant_id, mayfly_private.labels(task, tags) extensions.gin_trgm_ops);
-- An indexed expression has statistics of its own, which are turned off too.
alter index mayfly.memories_labels_idx alter column 2 set statistics 0;
alter index mayfly.memories_thread_idx alter column 2 set statistics 0;
alter index mayfly.memories_key_idx alter column 2 set statistics 0;
