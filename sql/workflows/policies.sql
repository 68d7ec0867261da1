-- Who may see the graphs of workflows. Only functions write them.

alter table mayfly.workflow_graphs enable row level security;

grant select on mayfly.workflow_graphs to authenticated, service_role;

create policy workflow_graphs_select on mayfly.workflow_graphs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));
