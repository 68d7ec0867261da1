-- Each tenant's share of a fleet that works for all tenants (claim_any_jobs). The project sets it.

create table mayfly_private.job_tenants (
  tenant_id uuid not null constraint job_tenants_pkey primary key,
  weight smallint not null default 1 constraint job_tenants_weight_range check (weight between 1 and 100),
  max_running integer constraint job_tenants_max_running_range check (max_running between 1 and 1000000),
  constraint job_tenants_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.job_tenants is 'Weights and limits of tenants in a shared fleet.';
comment on column mayfly_private.job_tenants.max_running is 'How many of its jobs may run at once, so that long jobs leave room for others.';

alter table mayfly_private.job_tenants enable row level security;
