-- A seal holds the secret that opens a parcel. The table has no foreign key, but its rows are erased with their tenant.

create table mayfly_private.seals (
  tenant_id uuid not null,
  parcel_id uuid not null,
  secret text not null,
  constraint seals_pkey primary key (tenant_id, parcel_id)
);

alter table mayfly_private.seals enable row level security;
