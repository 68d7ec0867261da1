-- Who may see runs. Only functions write them.

alter table mayfly.runs enable row level security;

alter table mayfly.run_model_calls enable row level security;

alter table mayfly.run_tool_calls enable row level security;

alter table mayfly.run_chunks enable row level security;

grant select on mayfly.runs to authenticated, service_role;

create policy runs_select on mayfly.runs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('run:read'))::uuid[]));

grant select on mayfly.run_model_calls to authenticated, service_role;

create policy run_model_calls_select on mayfly.run_model_calls for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('run:read'))::uuid[]));

grant select on mayfly.run_tool_calls to authenticated, service_role;

create policy run_tool_calls_select on mayfly.run_tool_calls for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('run:read'))::uuid[]));

grant select on mayfly.run_chunks to authenticated, service_role;

create policy run_chunks_select on mayfly.run_chunks for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('run:read'))::uuid[]));
