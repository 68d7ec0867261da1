-- Jobs that were each given to one agent, what they need, and how well they were done. A job counts towards the agent's
-- load until the job ends. When the agent ends, the job goes to any agent with the capabilities.

create table mayfly.assignments (
  tenant_id uuid not null,
  job_id uuid not null,
  agent_id uuid not null,
  agent_type text collate "C" not null,
  work text collate "C" not null,
  capabilities text[] not null default '{}',
  assigned_by uuid,
  assigned_at timestamptz not null default clock_timestamp(),
  ended boolean not null default false,
  released boolean not null default false,
  reward double precision constraint assignments_reward_range check (reward between 0 and 1),
  rated_by uuid,
  rated_at timestamptz,
  constraint assignments_pkey primary key (tenant_id, job_id),
  constraint assignments_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create index assignments_load_idx on mayfly.assignments (tenant_id, agent_id) where not ended;
create index assignments_over_idx on mayfly.assignments (tenant_id, assigned_at) where ended;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.assignments
  alter column agent_id set statistics 0,
  alter column agent_type set statistics 0,
  alter column work set statistics 0,
  alter column capabilities set statistics 0,
  alter column assigned_by set statistics 0,
  alter column reward set statistics 0,
  alter column rated_by set statistics 0;

comment on table mayfly.assignments is 'Jobs that were given to one agent, and how well they were done.';
comment on column mayfly.assignments.work is 'The kind of work: the name of the job.';
comment on column mayfly.assignments.released is 'Whether the agent ended before the job. If so, the job went to others and is not rated.';
comment on column mayfly.assignments.reward is 'The rating of the result by somebody else, 0 to 1.';
