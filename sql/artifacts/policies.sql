-- Who may see which files there are. Functions alone write them; who may read and write the files themselves stands in
-- storage_policies.sql.

alter table mayfly.artifacts enable row level security;

grant select on mayfly.artifacts to authenticated, service_role;

create policy artifacts_select on mayfly.artifacts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('artifact:read'))::uuid[]));
