-- Documents that agents keep in addition to their memories. Each key has one row, which belongs to one agent or is
-- shared by the tenant. Only the functions of this room write them. A deleted state stays as a tombstone without a
-- value, so that its version numbers continue and readers of the log find it.
--
-- is_state_value says which values are allowed. Every write ends in write_state, which checks the value and charges for
-- its size.

create table mayfly.states (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  agent_id uuid,
  key text not null constraint states_key_length check (char_length(key) between 1 and 200),
  version integer not null constraint states_version_range check (version >= 0),
  value jsonb,
  updated_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  deleted_at timestamptz,
  constraint states_pkey primary key (tenant_id, id),
  constraint states_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint states_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id),
  constraint states_key_key unique nulls not distinct (tenant_id, agent_id, key),
  constraint states_value_unless_deleted check ((value is null) = (deleted_at is not null))
);

-- Maintenance uses this index.
create index states_over_idx on mayfly.states (tenant_id, least(expires_at, deleted_at));

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.states
  alter column key set statistics 0,
  alter column value set statistics 0,
  alter column updated_by set statistics 0;

comment on table mayfly.states is 'Versioned documents by key, of an agent or shared by the tenant.';
comment on column mayfly.states.agent_id is 'The agent to which it belongs. Null for a shared state.';
comment on column mayfly.states.version is 'Increases by one with every change, including a deletion, and never decreases.';
comment on column mayfly.states.value is 'Any JSON, with at most 256 KB and 32 levels. Null (no JSON at all) in a tombstone.';
comment on column mayfly.states.updated_by is 'The agent or person that changed it last. Null for the secret key and for an expiry.';
comment on column mayfly.states.expires_at is 'From then on it counts as deleted. Its versions stay until maintenance deletes them.';
