-- Results of the steps of running and finished jobs. Each is recorded once, and read from then on.

create table mayfly.job_steps (
  tenant_id uuid not null,
  job_id uuid not null,
  name text collate "C" not null,
  attempt integer not null,
  result jsonb,
  ms integer,
  bytes integer not null,
  at timestamptz not null default clock_timestamp(),
  seq bigint generated always as identity,
  constraint job_steps_pkey primary key (tenant_id, job_id, name)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_steps
  alter column job_id set statistics 0,
  alter column name set statistics 0,
  alter column result set statistics 0;

comment on table mayfly.job_steps is 'Results of the steps of jobs.';
comment on column mayfly.job_steps.attempt is 'The attempt of the job that recorded it.';
comment on column mayfly.job_steps.seq is 'The order in which steps were recorded.';
comment on column mayfly.job_steps.ms is 'How long it took, as its worker reported.';
