-- Threads of work for which frameworks such as LangGraph store checkpoints. Only the functions of this room write them.

create table mayfly.threads (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text collate "C" not null constraint threads_name_length check (char_length(name) between 1 and 500),
  chains integer not null default 0,
  bytes bigint not null default 0 constraint threads_bytes_range check (bytes >= 0),
  created_at timestamptz not null default mayfly_private.now(),
  updated_at timestamptz not null default mayfly_private.now(),
  expires_at timestamptz,
  constraint threads_pkey primary key (tenant_id, id),
  constraint threads_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint threads_name_key unique (tenant_id, name)
);

-- Maintenance uses this index.
create index threads_expires_idx on mayfly.threads (tenant_id, expires_at);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.threads
  alter column name set statistics 0;

comment on table mayfly.threads is 'Threads of work, by name, for which frameworks store checkpoints.';
comment on column mayfly.threads.name is 'The id that the framework gave it.';
comment on column mayfly.threads.chains is 'How many chains of parts have been created so far.';
comment on column mayfly.threads.bytes is 'How many bytes of the tenant''s max_bytes the thread and everything in it take.';
comment on column mayfly.threads.expires_at is 'From then on it counts as deleted. Null if it does not expire.';
