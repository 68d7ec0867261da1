-- The sample in which a tenant's word frequencies were counted. A tenant without a row is small, and recall counts its
-- words during the search.

create table mayfly_private.word_samples (
  tenant_id uuid not null,
  memories bigint not null,
  sampled integer not null,
  stored bigint not null,
  at timestamptz not null default now(),
  constraint word_samples_pkey primary key (tenant_id),
  constraint word_samples_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.word_samples is 'In how many memories a tenant''s word frequencies were counted.';
comment on column mayfly_private.word_samples.memories is 'About how many memories the whole tenant could read.';
comment on column mayfly_private.word_samples.stored is 'How many memories the tenant had, including private and forgotten ones. Their growth decides when the next sample is due.';

alter table mayfly_private.word_samples enable row level security;
