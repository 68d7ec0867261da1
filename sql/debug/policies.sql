alter table mayfly.debug_records enable row level security;

grant select on mayfly.debug_records to authenticated, service_role;

create policy debug_records_select on mayfly.debug_records for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('debug:read'))::uuid[]));
