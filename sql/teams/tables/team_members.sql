-- Which agents are in which team, and in which role. Dead members stay, as a record of who worked in it.

create table mayfly.team_members (
  tenant_id uuid not null,
  team_id uuid not null,
  agent_id uuid not null,
  role text not null constraint team_members_role_form check (role ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  joined_at timestamptz not null default clock_timestamp(),
  constraint team_members_pkey primary key (tenant_id, team_id, agent_id),
  constraint team_members_team_fkey foreign key (tenant_id, team_id) references mayfly.teams (tenant_id, id) on delete cascade,
  constraint team_members_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id) on delete cascade
);

create index team_members_agent_idx on mayfly.team_members (tenant_id, agent_id);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.team_members
  alter column team_id set statistics 0,
  alter column agent_id set statistics 0,
  alter column role set statistics 0;

comment on table mayfly.team_members is 'Which agents are, or were, in which team.';
