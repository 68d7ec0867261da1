-- When each member began to do what it still does, as far as the detectors saw.

create table mayfly_private.team_pulses (
  tenant_id uuid not null,
  team_id uuid not null,
  agent_id uuid not null,
  mark text not null,
  since timestamptz not null,
  constraint team_pulses_pkey primary key (tenant_id, team_id, agent_id),
  constraint team_pulses_team_fkey foreign key (tenant_id, team_id) references mayfly.teams (tenant_id, id) on delete cascade
)
with (fillfactor = 80);

alter table mayfly_private.team_pulses enable row level security;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly_private.team_pulses alter column agent_id set statistics 0, alter column mark set statistics 0;

comment on table mayfly_private.team_pulses is 'Since when each member of a watched team has been doing the same thing.';
