-- Ended jobs: succeeded, failed (the dead letters) or cancelled. Kept for the time in the settings.

create table mayfly.finished_jobs (
  tenant_id uuid not null,
  id uuid not null,
  queue text not null,
  name text not null,
  lane text collate "C" not null,
  status text not null
    constraint finished_jobs_status_known check (status in ('succeeded', 'failed', 'cancelled')),
  priority smallint not null,
  run_at timestamptz not null,
  attempt integer not null,
  max_attempts integer not null,
  holder uuid,
  started_at timestamptz,
  timeout interval,
  backoff jsonb,
  target jsonb,
  parent_id uuid,
  root_id uuid,
  key text,
  answers uuid,
  trace text,
  error jsonb,
  created_by uuid,
  created_at timestamptz not null,
  finished_at timestamptz not null default clock_timestamp(),
  bytes integer not null,
  input jsonb not null,
  result jsonb,
  constraint finished_jobs_pkey primary key (tenant_id, id)
);

-- Retention and lists use this index.
create index finished_jobs_finished_idx on mayfly.finished_jobs (tenant_id, finished_at);
create index finished_jobs_failed_idx on mayfly.finished_jobs (tenant_id, id) where status = 'failed';
create index finished_jobs_holder_idx on mayfly.finished_jobs (tenant_id, holder, id) where holder is not null;
create index finished_jobs_parent_idx on mayfly.finished_jobs (tenant_id, parent_id) where parent_id is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.finished_jobs
  alter column queue set statistics 0,
  alter column name set statistics 0,
  alter column lane set statistics 0,
  alter column holder set statistics 0,
  alter column backoff set statistics 0,
  alter column target set statistics 0,
  alter column parent_id set statistics 0,
  alter column root_id set statistics 0,
  alter column key set statistics 0,
  alter column answers set statistics 0,
  alter column trace set statistics 0,
  alter column error set statistics 0,
  alter column created_by set statistics 0,
  alter column input set statistics 0,
  alter column result set statistics 0;

comment on table mayfly.finished_jobs is 'Jobs that have succeeded, failed or been cancelled.';
comment on column mayfly.finished_jobs.run_at is 'When the job was due for its last attempt.';
comment on column mayfly.finished_jobs.started_at is 'When its last attempt began.';
comment on column mayfly.finished_jobs.error is '{ code, message }: why it failed, or the error of its last failed attempt.';
