-- How many calls a minute are allowed. A limit is for the whole tenant's calls of models, for those of all agents with
-- the same name, for the calls of one model, or for the calls of a tool. Each is a token bucket that all workers share.

create table mayfly.rate_limits (
  tenant_id uuid not null,
  level text collate "C" not null constraint rate_limits_level_known check (level in ('tenant', 'agent', 'model', 'tool')),
  subject text collate "C" not null,
  per_minute integer not null constraint rate_limits_per_minute_range check (per_minute between 1 and 1000000),
  burst integer not null constraint rate_limits_burst_range check (burst between 1 and 1000000),
  tokens double precision not null,
  filled_at timestamptz not null,
  constraint rate_limits_pkey primary key (tenant_id, level, subject),
  constraint rate_limits_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.rate_limits
  alter column subject set statistics 0,
  alter column per_minute set statistics 0,
  alter column burst set statistics 0,
  alter column tokens set statistics 0;

comment on table mayfly.rate_limits is 'How many calls of models and tools are allowed in a minute.';
comment on column mayfly.rate_limits.subject is 'The name of the agents, of the model (provider/model) or of the tool; empty for the tenant.';
comment on column mayfly.rate_limits.burst is 'How many may come at once.';
comment on column mayfly.rate_limits.tokens is 'How many calls the bucket allowed at filled_at.';
