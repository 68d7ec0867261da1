-- Who may see what. Every call is wrapped in a select, so that it is evaluated once a statement.
--
-- One door for writes: nobody but the owner has INSERT, UPDATE, DELETE or TRUNCATE on any table of either
-- schema, and no policy is for anything but SELECT. Every write is a definer function of mayfly_private or a
-- trigger, which checks, charges and keeps the clocks. A write past them is one that nobody has checked: one
-- PATCH of a version once ended the maintenance of every tenant.

alter table mayfly.scopes enable row level security;
alter table mayfly.tenants enable row level security;
alter table mayfly.members enable row level security;
alter table mayfly.invitations enable row level security;
alter table mayfly.agent_types enable row level security;
alter table mayfly.agents enable row level security;
alter table mayfly.agent_liveness enable row level security;
alter table mayfly.enrolment_keys enable row level security;
alter table mayfly.memories enable row level security;
alter table mayfly.memory_vectors enable row level security;
alter table mayfly.memory_conflicts enable row level security;
alter table mayfly.events enable row level security;

grant select on mayfly.scopes to authenticated, service_role;
create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);

grant select on mayfly.tenants to authenticated, service_role;
create policy tenants_select on mayfly.tenants for select to authenticated
  using (id = any ((select mayfly.tenant_ids())::uuid[]));

grant select on mayfly.members to authenticated, service_role;
create policy members_select on mayfly.members for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:read'))::uuid[]));

grant select on mayfly.invitations to authenticated, service_role;
create policy invitations_select on mayfly.invitations for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:write'))::uuid[]));

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

grant select on mayfly.memories to authenticated, service_role;
create policy memories_select on mayfly.memories for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (visibility = 'tenant'
      or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));

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

grant select on mayfly.events to authenticated, service_role;
create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));
