-- Workers that found nothing and sleep. Adding a job, a signal and whatever else makes one ready ends the sleep of
-- the tenant's workers and broadcasts once; where no row is, nothing is broadcast. All zeros stand for no tenant: the workers
-- of the secret key, for every tenant.

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamptz not null,
  constraint job_workers_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until then.';

alter table mayfly_private.job_workers enable row level security;
