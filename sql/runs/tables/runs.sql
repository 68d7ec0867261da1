-- Runs of agents. Each belongs to a job with the name `run:<agent>` and the same id. `status` is what the run itself
-- knows. The job says whether the run waits or is paused (show_run). Only the functions of this room write this table,
-- by the transitions of move_run.

create table mayfly.runs (
  tenant_id uuid not null,
  id uuid not null,
  agent text collate "C" not null constraint runs_agent_form check (agent ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  status text not null default 'queued' constraint runs_status_known check (status in (
    'queued', 'running', 'succeeded', 'failed', 'cancelled', 'max_steps', 'max_time', 'max_tokens', 'max_cost')),
  paused boolean not null default false,
  input json,
  context json,
  limits jsonb not null default '{}',
  output json,
  error jsonb,
  steps integer not null default 0,
  repairs integer not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  usd numeric not null default 0,
  unpriced integer not null default 0,
  active_ms bigint not null default 0,
  forked_from uuid,
  forked_at integer constraint runs_forked_at_range check (forked_at >= 1),
  parent_id uuid,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  last_chunk bigint not null default 0,
  told_chunk bigint not null default 0,
  told_at timestamptz,
  bytes integer not null,
  constraint runs_pkey primary key (tenant_id, id),
  constraint runs_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint runs_fork_whole check ((forked_from is null) = (forked_at is null)),
  constraint runs_ended_at_end check ((ended_at is null) = (status in ('queued', 'running')))
)
with (fillfactor = 50);

create index runs_ended_idx on mayfly.runs (tenant_id, ended_at) where ended_at is not null;
create index runs_open_idx on mayfly.runs (tenant_id) where ended_at is null;
create index runs_forks_idx on mayfly.runs (tenant_id, forked_from) where forked_from is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.runs
  alter column agent set statistics 0,
  alter column input set statistics 0,
  alter column context set statistics 0,
  alter column limits set statistics 0,
  alter column output set statistics 0,
  alter column error set statistics 0,
  alter column usd set statistics 0,
  alter column forked_from set statistics 0,
  alter column parent_id set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.runs is 'Runs of agents.';
comment on column mayfly.runs.paused is 'Whether the run is paused, so that its worker stops before the next step.';
comment on column mayfly.runs.input is 'The input of the run. For a fork, the input at its first step, or null.';
comment on column mayfly.runs.context is 'What was recalled before the first step, as it was in the prompt.';
comment on column mayfly.runs.limits is '{ steps, seconds, tokens, usd }.';
comment on column mayfly.runs.repairs is 'How often an answer did not match the schema and was asked for again.';
comment on column mayfly.runs.unpriced is 'Calls of models without a known price. Their cost is not in usd.';
comment on column mayfly.runs.active_ms is 'How long models and tools took, without waits.';
comment on column mayfly.runs.forked_at is 'The fork''s own steps begin here. Earlier ones belong to the original run.';
comment on column mayfly.runs.last_chunk is 'The number of its newest chunk.';
comment on column mayfly.runs.told_chunk is 'The newest chunk that was broadcast.';
