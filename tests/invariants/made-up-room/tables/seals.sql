-- What opens a parcel. It has no foreign key, but is erased with its tenant all the same.

create table mayfly_private.seals (
  tenant_id uuid not null,
  parcel_id uuid not null,
  secret text not null,
  constraint seals_pkey primary key (tenant_id, parcel_id)
);

alter table mayfly_private.seals enable row level security;
