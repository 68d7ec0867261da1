-- How many vectors of a tenant and a model were settled into the HNSW index: what recall decides by,
-- without counting. A row a large tenant, so it is small. What was erased since still counts.

create table mayfly_private.settlements (
  tenant_id uuid not null,
  model text not null,
  vectors bigint not null constraint settlements_vectors_range check (vectors > 0),
  settled_at timestamptz not null default now(),
  constraint settlements_pkey primary key (tenant_id, model),
  constraint settlements_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.settlements is 'How many vectors of a tenant and a model were settled into the HNSW index.';

alter table mayfly_private.settlements enable row level security;
