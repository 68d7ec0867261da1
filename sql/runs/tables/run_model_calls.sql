-- Answers of models. A row is written before anything acts on it. `parts` are the parts of the AI SDK's stream (V4),
-- with adjacent deltas joined. `messages` are the messages that the AI SDK made of the parts. They are kept so that
-- a resumed run does not have to make them again. Each failed try has a row of its own, with an error and without
-- parts.

create table mayfly.run_model_calls (
  tenant_id uuid not null,
  run_id uuid not null,
  step integer not null constraint run_model_calls_step_range check (step >= 1),
  try integer not null constraint run_model_calls_try_range check (try >= 1),
  agent text collate "C" not null,
  provider text collate "C" not null,
  model text collate "C" not null,
  digest bytea not null,
  parts json,
  messages json,
  finish text,
  usage jsonb,
  usd numeric,
  priced text,
  ms integer not null,
  error jsonb,
  attempt integer not null,
  at timestamptz not null default clock_timestamp(),
  bytes integer not null,
  constraint run_model_calls_pkey primary key (tenant_id, run_id, step, try),
  constraint run_model_calls_run_fkey foreign key (tenant_id, run_id) references mayfly.runs (tenant_id, id) on delete cascade,
  constraint run_model_calls_answered_or_failed check ((parts is null) <> (error is null))
);

-- A step has only one answer.
create unique index run_model_calls_answer_key on mayfly.run_model_calls (tenant_id, run_id, step) where parts is not null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.run_model_calls
  alter column run_id set statistics 0,
  alter column agent set statistics 0,
  alter column provider set statistics 0,
  alter column model set statistics 0,
  alter column digest set statistics 0,
  alter column parts set statistics 0,
  alter column messages set statistics 0,
  alter column finish set statistics 0,
  alter column usage set statistics 0,
  alter column usd set statistics 0,
  alter column priced set statistics 0,
  alter column error set statistics 0;

comment on table mayfly.run_model_calls is 'Answers of models, and failed calls.';
comment on column mayfly.run_model_calls.digest is 'SHA-256 of the request, which a replay compares.';
comment on column mayfly.run_model_calls.messages is 'The messages that the AI SDK made of the parts. They are only a cache, and recorded together with the parts.';
comment on column mayfly.run_model_calls.attempt is 'The attempt of the job that recorded the answer or the error.';
