alter table mayfly.events enable row level security;

grant select on mayfly.events to authenticated, service_role;

create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));
