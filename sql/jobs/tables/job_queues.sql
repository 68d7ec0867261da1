-- Limits of queues. A queue without a row has no limits.

create table mayfly.job_queues (
  tenant_id uuid not null,
  name text collate "C" not null,
  paused boolean not null default false,
  max_running integer constraint job_queues_max_running_range check (max_running between 1 and 100000),
  max_running_per_group integer
    constraint job_queues_max_running_per_group_range check (max_running_per_group between 1 and 100000),
  rate double precision constraint job_queues_rate_range check (rate > 0 and rate <= 1000000),
  weight smallint not null default 1 constraint job_queues_weight_range check (weight between 1 and 100),
  tokens double precision not null default 0,
  filled_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint job_queues_pkey primary key (tenant_id, name),
  constraint job_queues_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

alter table mayfly.job_queues
  alter column name set statistics 0;

comment on table mayfly.job_queues is 'Limits and weights of queues.';
comment on column mayfly.job_queues.rate is 'How many jobs may begin in a second, on average. The same number, but at least one, may begin at once.';
comment on column mayfly.job_queues.weight is 'The share of the queue relative to the other queues of the tenant.';
comment on column mayfly.job_queues.tokens is 'The tokens in the bucket of `rate` at filled_at.';
