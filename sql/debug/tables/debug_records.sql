-- What agents reported about their work, if the tenant keeps such records. Only append_debug writes it.

create table mayfly.debug_records (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid not null,
  level smallint not null constraint debug_records_level_range check (level between 1 and 4),
  category text not null
    constraint debug_records_category_known check (category = any (mayfly_private.debug_categories())),
  name text not null constraint debug_records_name_length check (char_length(name) between 1 and 200),
  data jsonb,
  duration_ms real constraint debug_records_duration_ms_range check (duration_ms >= 0),
  dropped integer not null default 0 constraint debug_records_dropped_range check (dropped >= 0),
  bytes integer not null,
  at timestamptz not null,
  stored_at timestamptz not null default clock_timestamp(),
  constraint debug_records_pkey primary key (tenant_id, id),
  constraint debug_records_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint debug_records_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id)
);

create index debug_records_agent_idx on mayfly.debug_records (tenant_id, agent_id, at, id);
-- Retention deletes in this order.
create index debug_records_stored_idx on mayfly.debug_records (tenant_id, stored_at);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.debug_records
  alter column name set statistics 0,
  alter column data set statistics 0;

comment on table mayfly.debug_records is 'Debug records of agents, if the tenant keeps them.';
comment on column mayfly.debug_records.id is 'Made by the client: a UUIDv7, in the order of the stream.';
comment on column mayfly.debug_records.level is '1 basic, 2 detailed, 3 verbose, 4 trace.';
comment on column mayfly.debug_records.dropped is 'How many records of the stream were dropped before this one.';
comment on column mayfly.debug_records.at is 'When it was recorded, by the agent''s clock.';
comment on column mayfly.debug_records.bytes is 'How many bytes of the tenant''s max_bytes the record takes.';
