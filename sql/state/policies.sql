-- Who may see states. Only functions write them.

alter table mayfly.states enable row level security;

alter table mayfly.state_versions enable row level security;

grant select on mayfly.states to authenticated, service_role;

create policy states_select on mayfly.states for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('state:read'))::uuid[]));

grant select on mayfly.state_versions to authenticated, service_role;

create policy state_versions_select on mayfly.state_versions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('state:read'))::uuid[]));
