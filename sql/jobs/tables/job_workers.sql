-- Workers that found no job and sleep. Everything that makes a job ready, such as adding a job or sending a signal,
-- ends the sleep of the tenant's workers and broadcasts once. If there is no row here, nothing is broadcast. A tenant
-- id of all zeros stands for the workers of the secret key, which serve every tenant. A worker with a database
-- connection of its own is woken by NOTIFY, and needs no broadcast by Realtime. Such a worker of one tenant can also be
-- sent a new job (deliver_job). For this, the row says who would hold the job, and which jobs the worker takes.

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamptz not null,
  notified boolean not null default false,
  holder uuid,
  names text[],
  queues text[],
  lease double precision,
  constraint job_workers_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until the time in their row.';
comment on column mayfly_private.job_workers.notified is 'Whether the worker is woken by NOTIFY, so that it needs no broadcast by Realtime.';
comment on column mayfly_private.job_workers.holder is 'Who would hold a job that is sent to the worker; all zeros for the secret key. Null if no job can be sent to it.';

-- As in the table of jobs: names that tenants write do not appear in the planner's statistics.
alter table mayfly_private.job_workers
  alter column names set statistics 0,
  alter column queues set statistics 0;

alter table mayfly_private.job_workers enable row level security;
