-- Workers that found no job and sleep. Everything that makes a job ready, such as adding a job or sending a signal,
-- ends the sleep of the tenant's workers and broadcasts once. If there is no row here, nothing is broadcast. A tenant
-- id of all zeros stands for the workers of the secret key, which serve every tenant.

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamptz not null,
  constraint job_workers_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until the time in their row.';

alter table mayfly_private.job_workers enable row level security;
