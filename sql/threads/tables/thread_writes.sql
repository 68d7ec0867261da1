-- Writes of tasks after a checkpoint, until the next checkpoint includes them. Only put_writes writes it.

create table mayfly.thread_writes (
  tenant_id uuid not null,
  thread_id uuid not null,
  ns text collate "C" not null,
  checkpoint_id text collate "C" not null,
  task_id text collate "C" not null constraint thread_writes_task_length check (char_length(task_id) between 1 and 200),
  path text collate "C" not null default '' constraint thread_writes_path_length check (char_length(path) <= 1000),
  writes jsonb not null,
  bytes integer not null,
  constraint thread_writes_pkey primary key (tenant_id, thread_id, ns, checkpoint_id, task_id),
  constraint thread_writes_thread_fkey foreign key (tenant_id, thread_id)
    references mayfly.threads (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.thread_writes
  alter column ns set statistics 0,
  alter column checkpoint_id set statistics 0,
  alter column task_id set statistics 0,
  alter column path set statistics 0,
  alter column writes set statistics 0;

comment on table mayfly.thread_writes is 'What tasks wrote after a checkpoint.';
comment on column mayfly.thread_writes.path is 'Where the task is in the graph. Writes of a checkpoint are applied in the order of path, task and idx.';
comment on column mayfly.thread_writes.writes is
  '[{ channel, idx, body }]. idx is the position among the writes of the task. Special writes have an idx below 0, and only the last one is kept.';
comment on column mayfly.thread_writes.bytes is 'How many bytes of the tenant''s max_bytes these writes take.';
