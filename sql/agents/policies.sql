alter table mayfly.agent_types enable row level security;

alter table mayfly.agents enable row level security;

alter table mayfly.agent_liveness enable row level security;

alter table mayfly.enrolment_keys enable row level security;

grant select on mayfly.enrolment_keys to authenticated, service_role;

create policy enrolment_keys_select on mayfly.enrolment_keys for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('key:write'))::uuid[]));

grant select on mayfly.agent_types to authenticated, service_role;

create policy agent_types_select on mayfly.agent_types for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[]));

grant select on mayfly.agents to authenticated, service_role;

create policy agents_select on mayfly.agents for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[])
    or id = any ((select mayfly_private.own_agent_ids())::uuid[]));

grant select on mayfly.agent_liveness to authenticated, service_role;

create policy agent_liveness_select on mayfly.agent_liveness for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[])
    or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[]));
