-- Who may see the rows of files. Only functions write them. storage_policies.sql says who may read and write
-- the files themselves.

alter table mayfly.artifacts enable row level security;

grant select on mayfly.artifacts to authenticated, service_role;

create policy artifacts_select on mayfly.artifacts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('artifact:read'))::uuid[]));
