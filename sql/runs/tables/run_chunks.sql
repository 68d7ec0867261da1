-- The stream of a run, in batches: `chunks` is a list of [step, try, chunk of the AI SDK's UI message stream]. The
-- first chunk of a batch has the number `seq`.

create table mayfly.run_chunks (
  tenant_id uuid not null,
  run_id uuid not null,
  seq bigint not null,
  size integer not null constraint run_chunks_size_range check (size >= 1),
  chunks json not null,
  at timestamptz not null default clock_timestamp(),
  bytes integer not null,
  constraint run_chunks_pkey primary key (tenant_id, run_id, seq),
  constraint run_chunks_run_fkey foreign key (tenant_id, run_id) references mayfly.runs (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.run_chunks
  alter column run_id set statistics 0,
  alter column chunks set statistics 0;

comment on table mayfly.run_chunks is 'The streams of runs.';
comment on column mayfly.run_chunks.seq is 'The number of its first chunk. Chunks are counted from 1 without gaps.';
