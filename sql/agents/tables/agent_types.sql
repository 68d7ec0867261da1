-- The types of agents of a tenant. Rows never change: a change adds a version, and agents keep the version with
-- which they were spawned.

create table mayfly.agent_types (
  tenant_id uuid not null,
  name text not null constraint agent_types_name_form check (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  version integer not null constraint agent_types_version_positive check (version > 0),
  role text not null default '' constraint agent_types_role_length check (char_length(role) <= 200),
  description text not null default '' constraint agent_types_description_length check (char_length(description) <= 2000),
  prompt text not null default '' constraint agent_types_prompt_length check (char_length(prompt) <= 100000),
  capabilities text[] not null default '{}'
    constraint agent_types_capabilities_count check (cardinality(capabilities) <= 50), -- bounds: 50 agent.capabilities
  scopes text[],
  lifetime interval constraint agent_types_lifetime_minimum check (lifetime >= '5 seconds'),
  max_lifetime interval constraint agent_types_max_lifetime_minimum check (max_lifetime >= '5 seconds'),
  max_living integer constraint agent_types_max_living_range check (max_living >= 0),
  metadata jsonb not null default '{}'
    constraint agent_types_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  created_by uuid,
  created_at timestamptz not null default now(),
  constraint agent_types_pkey primary key (tenant_id, name, version),
  constraint agent_types_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint agent_types_lifetime_within check (lifetime <= max_lifetime)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.agent_types
  alter column name set statistics 0,
  alter column role set statistics 0,
  alter column description set statistics 0,
  alter column prompt set statistics 0,
  alter column capabilities set statistics 0,
  alter column scopes set statistics 0,
  alter column metadata set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.agent_types is 'Types of agents, with every version. New agents get the newest version.';
comment on column mayfly.agent_types.role is 'The role of such an agent, in a few words.';
comment on column mayfly.agent_types.prompt is 'Its system prompt, which spawn returns.';
comment on column mayfly.agent_types.scopes is 'The scopes of an agent whose spawner asks for none. Null means the scopes that most agents need.';
comment on column mayfly.agent_types.lifetime is 'The lifetime of an agent whose spawner asks for none.';
comment on column mayfly.agent_types.max_lifetime is 'The longest that an agent of this type may live, including renewals, within the tenant''s maximum.';
comment on column mayfly.agent_types.max_living is 'How many agents of this type may live at the same time.';
