-- Signals that no job has taken yet. A signal that comes before its job waits for it is kept.

create table mayfly.job_signals (
  tenant_id uuid not null,
  job_id uuid not null,
  name text collate "C" not null,
  id bigint generated always as identity,
  payload jsonb not null default 'null',
  bytes integer not null,
  at timestamptz not null default clock_timestamp(),
  constraint job_signals_pkey primary key (tenant_id, job_id, name, id)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_signals
  alter column job_id set statistics 0,
  alter column name set statistics 0,
  alter column payload set statistics 0;

comment on table mayfly.job_signals is 'Signals that no job has taken yet.';
