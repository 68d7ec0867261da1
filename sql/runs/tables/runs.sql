-- Runs of agents: one for each job of the name `run:<agent>`, with its id. `status` says what the run knows itself;
-- that it waits or is paused is seen at its job (show_run). The functions of this room alone write it, by the
-- transitions of move_run.

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
create index runs_forks_idx on mayfly.runs (tenant_id, forked_from) where forked_from is not null;

-- Everybody can see the planner's estimates, so columns that tenants write have no statistics (tests/invariants/estimates.test.ts).
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
comment on column mayfly.runs.paused is 'Somebody has paused it: its worker stops before the next step.';
comment on column mayfly.runs.input is 'What it was asked; of a fork what was said at the step where it begins, or null.';
comment on column mayfly.runs.context is 'What was recalled before the first step, as it stood in the prompt.';
comment on column mayfly.runs.limits is '{ steps, seconds, tokens, usd }.';
comment on column mayfly.runs.repairs is 'How often an answer did not fit and was asked for again.';
comment on column mayfly.runs.unpriced is 'Calls of models without a known price: their cost is not in usd.';
comment on column mayfly.runs.active_ms is 'How long models and tools took: waits are not counted.';
comment on column mayfly.runs.forked_at is 'Its own steps begin here; those before are of the run that it is a fork of.';
comment on column mayfly.runs.last_chunk is 'The number of its newest chunk.';
comment on column mayfly.runs.told_chunk is 'The newest chunk that was broadcast.';
