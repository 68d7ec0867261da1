-- Unsuccessful attempts of jobs: failed, lost with their lease, or timed out.

create table mayfly.job_attempts (
  tenant_id uuid not null,
  job_id uuid not null,
  attempt integer not null,
  holder uuid,
  started_at timestamptz,
  ended_at timestamptz not null default clock_timestamp(),
  error jsonb not null,
  constraint job_attempts_pkey primary key (tenant_id, job_id, attempt)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_attempts
  alter column job_id set statistics 0,
  alter column holder set statistics 0,
  alter column error set statistics 0;

comment on table mayfly.job_attempts is 'Attempts of jobs that failed or were lost, and why.';
