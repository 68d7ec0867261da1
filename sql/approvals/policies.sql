-- Who may see approvals, decisions and policies. Only functions write them.

alter table mayfly.approvals enable row level security;

alter table mayfly.approval_decisions enable row level security;

alter table mayfly.approval_policies enable row level security;

grant select on mayfly.approvals to authenticated, service_role;

create policy approvals_select on mayfly.approvals for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));

grant select on mayfly.approval_decisions to authenticated, service_role;

create policy approval_decisions_select on mayfly.approval_decisions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));

grant select on mayfly.approval_policies to authenticated, service_role;

create policy approval_policies_select on mayfly.approval_policies for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));
