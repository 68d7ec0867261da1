-- Workers that found no job and sleep. Everything that makes a job ready, such as adding a job or sending a signal,
-- ends the sleep of the tenant's workers and broadcasts once. If there is no row here, nothing is broadcast. A tenant
-- id of all zeros stands for the workers of the secret key, which serve every tenant. A worker with a database
-- connection of its own is woken by NOTIFY, and needs no broadcast by Realtime.

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamptz not null,
  notified boolean not null default false,
  constraint job_workers_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until the time in their row.';
comment on column mayfly_private.job_workers.notified is 'Whether the worker is woken by NOTIFY, so that it needs no broadcast by Realtime.';

alter table mayfly_private.job_workers enable row level security;
