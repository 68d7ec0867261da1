-- Jobs that are added repeatedly, by a cron line in a time zone. Claims and maintenance fire them in SQL.

create table mayfly.job_schedules (
  tenant_id uuid not null,
  name text collate "C" not null,
  cron text not null,
  time_zone text not null default 'UTC',
  job text not null,
  input jsonb not null default '{}',
  options jsonb not null default '{}',
  catch_up text not null default 'one'
    constraint job_schedules_catch_up_known check (catch_up in ('one', 'all', 'none')),
  overlap text not null default 'skip'
    constraint job_schedules_overlap_known check (overlap in ('allow', 'skip')),
  paused boolean not null default false,
  next_at timestamptz,
  last_at timestamptz,
  last_job uuid,
  skipped integer not null default 0,
  error text,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  bytes integer not null default 0,
  constraint job_schedules_pkey primary key (tenant_id, name),
  constraint job_schedules_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create index job_schedules_next_idx on mayfly.job_schedules (next_at) where next_at is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_schedules
  alter column name set statistics 0,
  alter column cron set statistics 0,
  alter column time_zone set statistics 0,
  alter column job set statistics 0,
  alter column input set statistics 0,
  alter column options set statistics 0,
  alter column last_job set statistics 0,
  alter column error set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.job_schedules is 'Jobs that are added by a cron line in a time zone.';
comment on column mayfly.job_schedules.catch_up is 'For times that were missed while nothing ran: one job for all of them, one for each (at most 100), or none.';
comment on column mayfly.job_schedules.overlap is 'What to do at a time while the last job is still open: skip this time, or allow another job.';
comment on column mayfly.job_schedules.next_at is 'When the schedule fires next; null while it is paused.';
comment on column mayfly.job_schedules.skipped is 'How many times were skipped, because the last job was still open or the time was missed.';
