-- Who may see threads. Only functions write them.

alter table mayfly.threads enable row level security;

alter table mayfly.checkpoints enable row level security;

alter table mayfly.thread_parts enable row level security;

alter table mayfly.thread_writes enable row level security;

grant select on mayfly.threads to authenticated, service_role;

create policy threads_select on mayfly.threads for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('thread:read'))::uuid[]));

grant select on mayfly.checkpoints to authenticated, service_role;

create policy checkpoints_select on mayfly.checkpoints for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('thread:read'))::uuid[]));

grant select on mayfly.thread_parts to authenticated, service_role;

create policy thread_parts_select on mayfly.thread_parts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('thread:read'))::uuid[]));

grant select on mayfly.thread_writes to authenticated, service_role;

create policy thread_writes_select on mayfly.thread_writes for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('thread:read'))::uuid[]));
