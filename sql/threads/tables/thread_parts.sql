-- The texts that make up the values of channels. A value that is replaced as a whole has a chain of one part. A list
-- that grows has one part for each time it has grown. A part that repeats what a task wrote consists of characters from
-- the start of that write, then its own body, then characters from the end of the write. Written by put_checkpoint, and
-- by prune_thread when the write is deleted.

create table mayfly.thread_parts (
  tenant_id uuid not null,
  thread_id uuid not null,
  chain integer not null constraint thread_parts_chain_range check (chain >= 1),
  place integer not null constraint thread_parts_place_range check (place >= 1),
  body text not null,
  of_ns text collate "C",
  of_checkpoint text collate "C",
  of_task text collate "C",
  of_idx integer,
  head integer not null default 0,
  tail integer not null default 0,
  bytes integer not null,
  constraint thread_parts_pkey primary key (tenant_id, thread_id, chain, place),
  constraint thread_parts_thread_fkey foreign key (tenant_id, thread_id)
    references mayfly.threads (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.thread_parts
  alter column body set statistics 0,
  alter column of_ns set statistics 0,
  alter column of_checkpoint set statistics 0,
  alter column of_task set statistics 0,
  alter column of_idx set statistics 0,
  alter column head set statistics 0,
  alter column tail set statistics 0;

comment on table mayfly.thread_parts is 'The texts that make up the values of channels.';
comment on column mayfly.thread_parts.of_task is 'The task whose write the part repeats; null if body is the whole text.';
comment on column mayfly.thread_parts.head is 'How many characters of the write come before body.';
comment on column mayfly.thread_parts.tail is 'How many characters of the write come after body.';
comment on column mayfly.thread_parts.bytes is 'How many bytes of the tenant''s max_bytes the part takes.';
