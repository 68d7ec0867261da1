-- A private memory is visible to its agent and that agent's ancestors (own_agent_ids), and with memory:admin.

alter table mayfly.memories enable row level security;

alter table mayfly.memory_vectors enable row level security;

alter table mayfly.memory_conflicts enable row level security;

grant select on mayfly.memories to authenticated, service_role;

create policy memories_select on mayfly.memories for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (visibility = 'tenant'
      or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));

alter table mayfly.memory_aliases enable row level security;

grant select on mayfly.memory_aliases to authenticated, service_role;

create policy memory_aliases_select on mayfly.memory_aliases for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_aliases.tenant_id and m.id = memory_aliases.memory_id));

grant select on mayfly.memory_conflicts to authenticated, service_role;

create policy memory_conflicts_select on mayfly.memory_conflicts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_conflicts.tenant_id and m.id = memory_conflicts.memory_id));

grant select on mayfly.memory_vectors to authenticated, service_role;

create policy memory_vectors_select on mayfly.memory_vectors for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_vectors.tenant_id and m.id = memory_vectors.memory_id));

alter table mayfly.model_worths enable row level security;

grant select on mayfly.model_worths to authenticated, service_role;

create policy model_worths_select on mayfly.model_worths for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[]));
