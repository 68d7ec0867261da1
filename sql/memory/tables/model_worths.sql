-- What an embedding model is worth to a tenant, as measured on its own memories (mayfly tune). A model without a row
-- has the worth that mayfly_private.model_worth gives.

create table mayfly.model_worths (
  tenant_id uuid not null,
  model text not null constraint model_worths_model_length check (char_length(model) between 1 and 100),
  meaning real not null constraint model_worths_meaning_range check (meaning between 0 and 100),
  unrelated real not null constraint model_worths_unrelated_range check (unrelated between 0.01 and 0.95),
  measured jsonb not null default '{}' constraint model_worths_measured_size check (pg_column_size(measured) <= 8192),
  at timestamptz not null default clock_timestamp(),
  constraint model_worths_pkey primary key (tenant_id, model),
  constraint model_worths_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.model_worths
  alter column model set statistics 0,
  alter column measured set statistics 0;

comment on table mayfly.model_worths is 'The weights of embedding models for a tenant, as measured on its own memories.';
comment on column mayfly.model_worths.meaning is 'The weight of meaning in a recall. Words weigh 1.';
comment on column mayfly.model_worths.unrelated is 'The similarity of two unrelated memories.';
comment on column mayfly.model_worths.measured is 'How it was measured: the output of mayfly tune.';
