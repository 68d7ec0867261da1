-- A parcel, perhaps inside another one.

create table mayfly.parcels (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  inside uuid,
  sender_id uuid,
  label text not null constraint parcels_label_length check (char_length(label) between 1 and 200),
  sent_at timestamptz not null default mayfly_private.now(),
  shout text not null generated always as (upper(label)) stored,
  constraint parcels_pkey primary key (tenant_id, id),
  constraint parcels_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint parcels_inside_fkey foreign key (tenant_id, inside) references mayfly.parcels (tenant_id, id)
);

create index parcels_inside_idx on mayfly.parcels (tenant_id, inside);

comment on table mayfly.parcels is 'Parcels.';
