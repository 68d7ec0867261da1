-- Memories that wait for a vector, because they were put without one or have changed since. A claim leases a row. If
-- the lease ends before the row is completed, the attempt counts and the row is claimed again. After 5 attempts, the
-- row is dead (dead_at) and stays with its last error. `update mayfly_private.embedding_queue set dead_at = null,
-- attempts = 0` gives dead rows another chance. There is no foreign key, because a foreign key would look up each
-- memory that a push has just written. Claims and maintenance drop rows whose memory is gone.

create table mayfly_private.embedding_queue (
  tenant_id uuid not null,
  memory_id uuid not null,
  attempts smallint not null default 0,
  due_at timestamptz not null default now(),
  lease uuid,
  error text constraint embedding_queue_error_length check (char_length(error) <= 500),
  dead_at timestamptz,
  constraint embedding_queue_pkey primary key (tenant_id, memory_id)
);

create index embedding_queue_due_idx on mayfly_private.embedding_queue (tenant_id, due_at) where dead_at is null;

comment on table mayfly_private.embedding_queue is 'Memories that are waiting for a vector, with their leases and attempts.';
comment on column mayfly_private.embedding_queue.due_at is 'When it may be claimed: now, after its lease, or after a pause that grows with each attempt.';

alter table mayfly_private.embedding_queue enable row level security;
