-- The stamps on a parcel.

create table mayfly.stamps (
  tenant_id uuid not null,
  parcel_id uuid not null,
  n integer not null,
  constraint stamps_pkey primary key (tenant_id, parcel_id, n),
  constraint stamps_parcel_fkey foreign key (tenant_id, parcel_id) references mayfly.parcels (tenant_id, id) on delete cascade
);

comment on table mayfly.stamps is 'Stamps on parcels.';
