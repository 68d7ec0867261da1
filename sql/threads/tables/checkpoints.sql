-- The state of a thread after each step: one row per step and namespace. Only put_checkpoint writes it.

create table mayfly.checkpoints (
  tenant_id uuid not null,
  thread_id uuid not null,
  ns text collate "C" not null constraint checkpoints_ns_length check (char_length(ns) <= 1000),
  id text collate "C" not null constraint checkpoints_id_length check (char_length(id) between 1 and 100),
  parent text collate "C" constraint checkpoints_parent_length check (char_length(parent) between 1 and 100),
  body text not null,
  channels jsonb not null,
  metadata jsonb not null,
  bytes integer not null,
  created_at timestamptz not null default mayfly_private.now(),
  constraint checkpoints_pkey primary key (tenant_id, thread_id, ns, id),
  constraint checkpoints_thread_fkey foreign key (tenant_id, thread_id)
    references mayfly.threads (tenant_id, id) on delete cascade
);

-- This index is for listing checkpoints of all threads, or of all namespaces of one thread, newest first.
create index checkpoints_newest_idx on mayfly.checkpoints (tenant_id, id);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.checkpoints
  alter column ns set statistics 0,
  alter column id set statistics 0,
  alter column parent set statistics 0,
  alter column body set statistics 0,
  alter column channels set statistics 0,
  alter column metadata set statistics 0;

comment on table mayfly.checkpoints is 'The state of a thread after each step.';
comment on column mayfly.checkpoints.ns is 'The namespace of a subgraph, or empty for the graph itself.';
comment on column mayfly.checkpoints.id is 'Given by the framework. The ids of a thread sort by age.';
comment on column mayfly.checkpoints.body is 'As the client serialised it, without the values and the versions of its channels.';
comment on column mayfly.checkpoints.channels is
  'The version of each channel, by name, and where its value is: [version, chain, parts], [version, text], or [version] without a value.';
comment on column mayfly.checkpoints.bytes is 'How many bytes of the tenant''s max_bytes the checkpoint takes.';
