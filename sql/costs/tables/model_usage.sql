-- The ledger: what each call of a model used and cost, with the price of its day. Rows are added and never changed.

create table mayfly.model_usage (
  tenant_id uuid not null,
  id uuid not null,
  at timestamptz not null,
  agent text collate "C" not null,
  agent_id uuid,
  run_id uuid,
  provider text collate "C" not null,
  model text collate "C" not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  usage jsonb not null,
  usd numeric,
  priced text not null constraint model_usage_priced_known check (priced in ('exact', 'inexact', 'unknown')),
  bytes integer not null,
  constraint model_usage_pkey primary key (tenant_id, id),
  constraint model_usage_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint model_usage_priced_or_unknown check ((usd is null) = (priced = 'unknown'))
);

create index model_usage_at_idx on mayfly.model_usage (tenant_id, at);
create index model_usage_run_idx on mayfly.model_usage (tenant_id, run_id) where run_id is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.model_usage
  alter column id set statistics 0,
  alter column agent set statistics 0,
  alter column agent_id set statistics 0,
  alter column run_id set statistics 0,
  alter column provider set statistics 0,
  alter column model set statistics 0,
  alter column input_tokens set statistics 0,
  alter column cache_read_tokens set statistics 0,
  alter column cache_write_tokens set statistics 0,
  alter column output_tokens set statistics 0,
  alter column reasoning_tokens set statistics 0,
  alter column usage set statistics 0,
  alter column usd set statistics 0;

comment on table mayfly.model_usage is 'What each call of a model used and cost.';
comment on column mayfly.model_usage.id is 'The id of the hold that it settled, so a call is recorded once.';
comment on column mayfly.model_usage.agent is 'The name of the agent in its definition.';
comment on column mayfly.model_usage.input_tokens is 'All input tokens, including those read from and written to the provider''s cache.';
comment on column mayfly.model_usage.usage is 'The units as they were priced, including those without a column of their own: cache_write_1h, web_searches, input_audio, output_audio, requests.';
comment on column mayfly.model_usage.usd is 'Null if the price is unknown.';
comment on column mayfly.model_usage.priced is 'exact, inexact or unknown. If it is inexact, the price is that of a model whose name is a prefix of this model''s name.';
