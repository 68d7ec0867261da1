-- Agents that work on something together. A team has a name, a lead, a deadline and a channel. A team ends as a whole.
-- Its members are ordinary agents with their own scopes.

create table mayfly.teams (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint teams_name_length check (char_length(name) between 1 and 100),
  task text constraint teams_task_length check (char_length(task) <= 2000),
  status text not null default 'running' constraint teams_status_known check (status in ('running', 'ended')),
  lead_id uuid,
  channel_id uuid,
  deadline timestamptz,
  metadata jsonb not null default '{}'
    constraint teams_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  end_reason text constraint teams_end_reason_length check (char_length(end_reason) <= 500),
  constraint teams_pkey primary key (tenant_id, id),
  constraint teams_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint teams_ended_when_over check ((status = 'ended') = (ended_at is not null))
);

-- No two running teams of a tenant have the same name.
create unique index teams_name_key on mayfly.teams (tenant_id, name) where status = 'running';
create index teams_ended_idx on mayfly.teams (tenant_id, ended_at) where status = 'ended';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.teams
  alter column name set statistics 0,
  alter column task set statistics 0,
  alter column lead_id set statistics 0,
  alter column channel_id set statistics 0,
  alter column metadata set statistics 0,
  alter column created_by set statistics 0,
  alter column end_reason set statistics 0;

comment on table mayfly.teams is 'Agents that work on something together, and how the team ended.';
comment on column mayfly.teams.lead_id is 'The member that leads, if any.';
comment on column mayfly.teams.channel_id is 'The channel of its members. It is deleted with the team.';
comment on column mayfly.teams.deadline is 'Members that were spawned with the team end by then.';
