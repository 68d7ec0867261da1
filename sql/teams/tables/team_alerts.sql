-- What the detectors found in a team: a cycle of waits, repetition, silence, or a runaway cost. Each cause has one row
-- while it lasts.

create table mayfly.team_alerts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid not null,
  kind text not null constraint team_alerts_kind_known check (kind in ('deadlock', 'repetition', 'silence', 'runaway_cost')),
  cause text collate "C" not null,
  agents uuid[] not null,
  detail jsonb not null default '{}',
  status text not null default 'open' constraint team_alerts_status_known check (status in ('open', 'over')),
  times integer not null default 1,
  found_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  taken_at timestamptz,
  handled_at timestamptz,
  handled_with text constraint team_alerts_handled_with_length check (char_length(handled_with) <= 200),
  constraint team_alerts_pkey primary key (tenant_id, id),
  constraint team_alerts_team_fkey foreign key (tenant_id, team_id) references mayfly.teams (tenant_id, id) on delete cascade
);

create index team_alerts_team_idx on mayfly.team_alerts (tenant_id, team_id);
create unique index team_alerts_open_key on mayfly.team_alerts (tenant_id, team_id, kind, cause) where status = 'open';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.team_alerts
  alter column team_id set statistics 0,
  alter column cause set statistics 0,
  alter column agents set statistics 0,
  alter column detail set statistics 0,
  alter column handled_with set statistics 0;

comment on table mayfly.team_alerts is 'What the detectors found in teams.';
comment on column mayfly.team_alerts.cause is 'Identifies a finding: the agents of a cycle, the silent agent, or the digest of what is repeated.';
comment on column mayfly.team_alerts.times is 'How often it was found again after it was handled.';
comment on column mayfly.team_alerts.taken_at is 'When a watcher took it, to act on it.';
