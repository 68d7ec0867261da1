-- Who may read the log: everyone with the scope of a kind (mayfly_private.readable_kinds). Events for one agent
-- or person can be read by that agent or person, by the agent's ancestors, and by callers with the kind's admin
-- scope.

alter table mayfly.events enable row level security;

grant select on mayfly.events to authenticated, service_role;

create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids())::uuid[])
    and (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k)
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k where k.sees_all)));
