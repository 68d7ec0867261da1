alter table mayfly.parcels enable row level security;

grant select on mayfly.parcels to authenticated, service_role;

create policy parcels_select on mayfly.parcels for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('parcel:read'))::uuid[]));

alter table mayfly.stamps enable row level security;

grant select on mayfly.stamps to authenticated, service_role;

create policy stamps_select on mayfly.stamps for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('parcel:read'))::uuid[]));
