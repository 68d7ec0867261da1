-- Facts about entities. Each has a subject, a predicate, and an entity or a value, and is true from an instant on. The
-- slot of a fact is its subject and predicate, and with `many` also its object or value. Each slot has at most one open
-- fact (a fact without an end), and a newer fact ends it. Only the functions of this room write this table.

create table mayfly.facts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  subject_id uuid not null,
  predicate text collate "C" not null constraint facts_predicate_length check (char_length(predicate) between 1 and 100),
  object_id uuid,
  value jsonb,
  slot bytea not null default '',
  confidence real constraint facts_confidence_range check (confidence between 0 and 1),
  source text not null default '' constraint facts_source_length check (char_length(source) <= 2000),
  memory_id uuid,
  agent_id uuid,
  valid_from timestamptz not null constraint facts_valid_from_finite check (isfinite(valid_from)),
  valid_to timestamptz constraint facts_valid_to_finite check (isfinite(valid_to)),
  recorded_at timestamptz not null default clock_timestamp(),
  confirmed_at timestamptz not null default clock_timestamp(),
  confirmations integer not null default 0 constraint facts_confirmations_range check (confirmations >= 0),
  superseded_by uuid,
  expires_at timestamptz constraint facts_expires_at_finite check (isfinite(expires_at)),
  constraint facts_pkey primary key (tenant_id, id),
  constraint facts_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint facts_subject_fkey foreign key (tenant_id, subject_id) references mayfly.entities (tenant_id, id) on delete cascade,
  constraint facts_object_fkey foreign key (tenant_id, object_id) references mayfly.entities (tenant_id, id) on delete cascade,
  constraint facts_memory_fkey foreign key (tenant_id, memory_id) references mayfly.memories (tenant_id, id) on delete set null (memory_id),
  constraint facts_one_object check (num_nonnulls(object_id, value) = 1),
  constraint facts_value_size check (pg_column_size(value) <= 20000),
  constraint facts_valid_in_order check (valid_to >= valid_from)
);

-- Allows one open fact for each slot. This index also helps to find the facts about an entity.
create unique index facts_open_key on mayfly.facts (tenant_id, subject_id, predicate, slot, private_to) nulls not distinct
  where valid_to is null;
create index facts_subject_idx on mayfly.facts (tenant_id, subject_id, predicate, valid_from);
create index facts_object_idx on mayfly.facts (tenant_id, object_id);
create index facts_memory_idx on mayfly.facts (tenant_id, memory_id);
-- Maintenance uses these two indexes.
create index facts_expires_idx on mayfly.facts (tenant_id, expires_at) where expires_at is not null;
create index facts_ended_idx on mayfly.facts (tenant_id, valid_to) where valid_to is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.facts
  alter column private_to set statistics 0,
  alter column subject_id set statistics 0,
  alter column predicate set statistics 0,
  alter column object_id set statistics 0,
  alter column value set statistics 0,
  alter column slot set statistics 0,
  alter column source set statistics 0,
  alter column memory_id set statistics 0,
  alter column agent_id set statistics 0,
  alter column superseded_by set statistics 0;

comment on table mayfly.facts is 'Facts about entities, each true from an instant on.';
comment on column mayfly.facts.private_to is 'The agent to which it belongs. Null for the whole tenant.';
comment on column mayfly.facts.slot is 'Empty if only one object is valid at a time. Otherwise the digest of the object.';
comment on column mayfly.facts.source is 'The passage or the address of the source.';
comment on column mayfly.facts.memory_id is 'The memory from which it was extracted.';
comment on column mayfly.facts.valid_to is 'From then on it is no longer true. Null while it is still true. A fact that was wrong from the beginning ends when it begins.';
comment on column mayfly.facts.confirmations is 'How many times it was recorded again.';
comment on column mayfly.facts.superseded_by is 'The fact that replaced it, which may have been forgotten.';
comment on column mayfly.facts.expires_at is 'After this time it counts as never recorded, and maintenance deletes it.';
