-- Who may see teams, polls, tenders and assignments. Only functions write them. Ballots and bids that are still
-- secret are in the private schema, which nobody may read.

alter table mayfly.teams enable row level security;

alter table mayfly.team_members enable row level security;

alter table mayfly.polls enable row level security;

alter table mayfly.ballots enable row level security;

alter table mayfly.tenders enable row level security;

alter table mayfly.bids enable row level security;

alter table mayfly.assignments enable row level security;

alter table mayfly.track_records enable row level security;

alter table mayfly.team_alerts enable row level security;

grant select on mayfly.teams to authenticated, service_role;

create policy teams_select on mayfly.teams for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.team_members to authenticated, service_role;

create policy team_members_select on mayfly.team_members for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.polls to authenticated, service_role;

create policy polls_select on mayfly.polls for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.ballots to authenticated, service_role;

create policy ballots_select on mayfly.ballots for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.tenders to authenticated, service_role;

create policy tenders_select on mayfly.tenders for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.bids to authenticated, service_role;

create policy bids_select on mayfly.bids for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.assignments to authenticated, service_role;

create policy assignments_select on mayfly.assignments for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.track_records to authenticated, service_role;

create policy track_records_select on mayfly.track_records for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));

grant select on mayfly.team_alerts to authenticated, service_role;

create policy team_alerts_select on mayfly.team_alerts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('team:read'))::uuid[]));
