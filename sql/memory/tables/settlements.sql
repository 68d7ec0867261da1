-- How many vectors of a tenant and a model are settled in the HNSW index, and how many candidates a search of the index
-- must keep to find them. Recall uses this instead of counting. Only large tenants have a row, so the table is small.
-- Erased vectors still count until maintenance counts again (mayfly_private.maintain_tenant).

create table mayfly_private.settlements (
  tenant_id uuid not null,
  model text not null,
  vectors bigint not null constraint settlements_vectors_range check (vectors > 0),
  settled_at timestamptz not null default now(),
  ef_search integer not null default 200 constraint settlements_ef_search_range check (ef_search between 40 and 1000),
  tuned_to bigint not null default 0,
  counted_at timestamptz not null default now(),
  constraint settlements_pkey primary key (tenant_id, model),
  constraint settlements_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.settlements is 'How many vectors of a tenant and a model were settled into the HNSW index.';
comment on column mayfly_private.settlements.ef_search is 'How many candidates a search keeps, as measured by mayfly_private.tune_search.';
comment on column mayfly_private.settlements.tuned_to is 'How many vectors there were when ef_search was measured.';

alter table mayfly_private.settlements enable row level security;
