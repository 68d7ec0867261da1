-- An update with resolve: 'manual' does not overwrite a field that had changed meanwhile. The value that it wanted is
-- stored here, until an update names this conflict in `settles`, or the memory is forgotten.

create table mayfly.memory_conflicts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  memory_id uuid not null,
  -- A push refuses a field that is not in mayfly_private.memory_fields.
  field text not null constraint memory_conflicts_field_length check (char_length(field) <= 63),
  base jsonb,
  wanted jsonb,
  hlc text not null constraint memory_conflicts_hlc_length check (char_length(hlc) <= 60),
  op_id uuid not null,
  pushed_by uuid,
  created_at timestamptz not null default now(),
  constraint memory_conflicts_pkey primary key (tenant_id, id),
  constraint memory_conflicts_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_conflicts_memory_idx on mayfly.memory_conflicts (tenant_id, memory_id);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.memory_conflicts
  alter column base set statistics 0,
  alter column wanted set statistics 0,
  alter column hlc set statistics 0,
  alter column op_id set statistics 0,
  alter column pushed_by set statistics 0;

comment on table mayfly.memory_conflicts is 'Updates that wait for a person''s decision: the wanted value of a field, and the value that was expected.';
comment on column mayfly.memory_conflicts.base is 'The value that the update expected.';
comment on column mayfly.memory_conflicts.wanted is 'The value that the update wanted. The memory has the current value.';
