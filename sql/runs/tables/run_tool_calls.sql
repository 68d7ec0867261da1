-- The audit of tools. A row is written under the lease before a tool runs, and updated with the outcome. In a fork, a
-- row at the step before its own steps is an edit, which hides the row of the original run.

create table mayfly.run_tool_calls (
  tenant_id uuid not null,
  run_id uuid not null,
  step integer not null constraint run_tool_calls_step_range check (step >= 1),
  call_id text collate "C" not null constraint run_tool_calls_call_id_length check (char_length(call_id) between 1 and 200),
  nth integer not null,
  tool text collate "C" not null constraint run_tool_calls_tool_length check (char_length(tool) between 1 and 100),
  risk text,
  input json not null,
  status text not null constraint run_tool_calls_status_known check (status in ('started', 'succeeded', 'failed', 'denied', 'edited')),
  result json,
  error jsonb,
  approval_id uuid,
  attempt integer not null,
  attempts integer not null default 1,
  holder uuid,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  bytes integer not null,
  constraint run_tool_calls_pkey primary key (tenant_id, run_id, step, call_id),
  constraint run_tool_calls_run_fkey foreign key (tenant_id, run_id) references mayfly.runs (tenant_id, id) on delete cascade,
  constraint run_tool_calls_ended_at_end check ((ended_at is null) = (status = 'started'))
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.run_tool_calls
  alter column run_id set statistics 0,
  alter column call_id set statistics 0,
  alter column tool set statistics 0,
  alter column risk set statistics 0,
  alter column input set statistics 0,
  alter column result set statistics 0,
  alter column error set statistics 0,
  alter column approval_id set statistics 0,
  alter column holder set statistics 0;

comment on table mayfly.run_tool_calls is 'The audit of tools: their input and results.';
comment on column mayfly.run_tool_calls.nth is 'Its place among the calls of its step.';
comment on column mayfly.run_tool_calls.attempts is 'How often it was begun. More than once means that a worker died while it ran.';
comment on column mayfly.run_tool_calls.holder is 'The agent or person that ran it; all zeros for the secret key.';
