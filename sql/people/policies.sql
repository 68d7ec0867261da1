alter table mayfly.members enable row level security;

alter table mayfly.invitations enable row level security;

-- Nobody reads grants directly. Functions show people their own grants.
alter table mayfly_private.client_grants enable row level security;

grant select on mayfly.members to authenticated, service_role;

create policy members_select on mayfly.members for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:read'))::uuid[]));

grant select on mayfly.invitations to authenticated, service_role;

create policy invitations_select on mayfly.invitations for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:write'))::uuid[]));
