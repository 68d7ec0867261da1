-- Who may see entities and facts. Everybody in the tenant with fact:read sees the tenant's entities and facts. Only the
-- agent, its ancestors and callers with fact:admin see what is private to an agent. Only functions write entities and
-- facts.

alter table mayfly.entities enable row level security;

alter table mayfly.entity_names enable row level security;

alter table mayfly.facts enable row level security;

alter table mayfly.fact_settings enable row level security;

grant select on mayfly.entities to authenticated, service_role;

create policy entities_select on mayfly.entities for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.entity_names to authenticated, service_role;

create policy entity_names_select on mayfly.entity_names for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.facts to authenticated, service_role;

create policy facts_select on mayfly.facts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.fact_settings to authenticated, service_role;

create policy fact_settings_select on mayfly.fact_settings for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[]));
