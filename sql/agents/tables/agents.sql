-- Every agent that ever lived. Rows are deleted only together with their tenant.

create table mayfly.agents (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint agents_name_length check (char_length(name) between 1 and 100), -- bounds: 100 agent.name
  type text not null default 'agent'
    constraint agents_type_form check (type ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  type_version integer,
  parent_id uuid,
  ancestors uuid[] not null default '{}',
  depth integer not null default 0,
  capabilities text[] not null default '{}'
    constraint agents_capabilities_count check (cardinality(capabilities) <= 50), -- bounds: 50 agent.capabilities
  scopes text[] not null default '{}',
  status text not null default 'running'
    constraint agents_status_known check (status in ('running', 'suspended', 'stopped', 'expired')),
  activity text not null default 'idle'
    constraint agents_activity_known check (activity in (
      'idle', 'thinking', 'executing', 'waiting_input', 'waiting_approval', 'waiting_review', 'blocked')),
  task text constraint agents_task_length check (char_length(task) <= 2000), -- bounds: 2000 agent.task
  lifetime interval not null
    constraint agents_lifetime_minimum check (lifetime >= '5 seconds'),
  spawned_at timestamptz not null default now(),
  spawned_by uuid,
  expires_at timestamptz not null,
  suspended_at timestamptz,
  suspend_reason text constraint agents_suspend_reason_length check (char_length(suspend_reason) <= 500), -- bounds: 500 agent.reason
  stopped_at timestamptz,
  stop_reason text constraint agents_stop_reason_length check (char_length(stop_reason) <= 500), -- bounds: 500 agent.reason
  metadata jsonb not null default '{}'
    constraint agents_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  renews boolean default false,
  constraint agents_pkey primary key (tenant_id, id),
  constraint agents_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint agents_parent_fkey foreign key (tenant_id, parent_id) references mayfly.agents (tenant_id, id),
  constraint agents_type_fkey foreign key (tenant_id, type, type_version)
    references mayfly.agent_types (tenant_id, name, version),
  constraint agents_depth_matches check (depth = cardinality(ancestors))
)
-- Leaves room in each page, so that the activity can change in place.
with (fillfactor = 80);

create index agents_parent_idx on mayfly.agents (tenant_id, parent_id);
-- At each spawn, the quota counts the living agents of the tenant.
create index agents_living_idx on mayfly.agents (tenant_id, expires_at) where status in ('running', 'suspended');
-- No two living agents of a tenant have the same name. A dead agent keeps its name until it is reaped.
create unique index agents_name_key on mayfly.agents (tenant_id, name) where status in ('running', 'suspended');
create index agents_type_idx on mayfly.agents (tenant_id, type, type_version);
create index agents_ancestors_idx on mayfly.agents using gin (ancestors);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.agents
  alter column name set statistics 0,
  alter column type set statistics 0,
  alter column ancestors set statistics 0,
  alter column capabilities set statistics 0,
  alter column scopes set statistics 0,
  alter column task set statistics 0,
  alter column spawned_by set statistics 0,
  alter column suspend_reason set statistics 0,
  alter column stop_reason set statistics 0,
  alter column metadata set statistics 0;

comment on table mayfly.agents is 'Agents, living and ended. An agent is alive if it and every ancestor is running and unexpired.';
comment on column mayfly.agents.type is 'Any name. If mayfly.agent_types defines this type, the agent gets the defaults and limits of the type.';
comment on column mayfly.agents.type_version is 'The version of its type when it was spawned. Null if the type was not defined.';
comment on column mayfly.agents.ancestors is 'Its ancestors, from the first to its parent.';
comment on column mayfly.agents.lifetime is 'The time from its spawn, or from the last extension of its life, to expires_at.';
comment on column mayfly.agents.renews is 'Whether each new token restarts its lifetime, up to the maximum of its tenant and its type. Null, for agents that were spawned before 0.2, means true.';
comment on column mayfly.agents.spawned_by is 'The person, agent or enrolment key that spawned it; null for the secret key.';
