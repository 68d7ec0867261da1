alter table mayfly.tenants enable row level security;

grant select on mayfly.tenants to authenticated, service_role;

create policy tenants_select on mayfly.tenants for select to authenticated
  using (id = any ((select mayfly.tenant_ids())::uuid[]));
