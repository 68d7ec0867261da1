-- The token bucket of each tenant's spawns. It changes only under the lock on the tenant's row.

create table mayfly_private.spawn_buckets (
  tenant_id uuid not null,
  tokens double precision not null,
  filled_at timestamptz not null,
  constraint spawn_buckets_pkey primary key (tenant_id),
  constraint spawn_buckets_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.spawn_buckets is 'How many agents each tenant may spawn now.';

alter table mayfly_private.spawn_buckets enable row level security;
