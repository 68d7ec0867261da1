-- Approvals, which somebody has to decide before work continues. If a job asks, the row belongs to the job, the step
-- and the digest of the input. Only the functions of this room write this table.

create table mayfly.approvals (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  title text not null constraint approvals_title_length check (char_length(title) between 1 and 500),
  category text collate "C" not null default 'general',
  input jsonb not null,
  digest bytea not null,
  input_schema jsonb,
  confidence double precision constraint approvals_confidence_range check (confidence between 0 and 1),
  milestone boolean not null default false,
  job_id uuid,
  attempt integer,
  step text collate "C",
  requested_by uuid,
  requested_kind text not null
    constraint approvals_requested_kind_known check (requested_kind in ('agent', 'person', 'secret')),
  status text not null default 'pending'
    constraint approvals_status_known check (status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
  waived text,
  quorum integer not null default 1 constraint approvals_quorum_range check (quorum between 1 and 20),
  roles text[],
  deciders uuid[],
  delegates uuid[] not null default '{}',
  requester_decides boolean not null default false,
  notify text,
  expires_at timestamptz,
  escalates_at timestamptz,
  escalation_roles text[],
  escalated_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  decided_at timestamptz,
  used_at timestamptz,
  bytes integer not null,
  constraint approvals_pkey primary key (tenant_id, id),
  constraint approvals_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint approvals_decided_when_ended check ((status = 'pending') = (decided_at is null)),
  constraint approvals_step_of_job check ((job_id is null) = (step is null))
);

-- A step that asks again after a crash finds its approval. If the step asks with a different input, it gets a new row.
create unique index approvals_step_key on mayfly.approvals (tenant_id, job_id, step, digest) where job_id is not null;
create index approvals_pending_idx on mayfly.approvals (tenant_id, created_at) where status = 'pending';
create index approvals_decided_idx on mayfly.approvals (tenant_id, decided_at) where status <> 'pending';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.approvals
  alter column title set statistics 0,
  alter column category set statistics 0,
  alter column input set statistics 0,
  alter column digest set statistics 0,
  alter column input_schema set statistics 0,
  alter column confidence set statistics 0,
  alter column job_id set statistics 0,
  alter column step set statistics 0,
  alter column requested_by set statistics 0,
  alter column waived set statistics 0,
  alter column roles set statistics 0,
  alter column deciders set statistics 0,
  alter column delegates set statistics 0,
  alter column notify set statistics 0,
  alter column escalation_roles set statistics 0;

comment on table mayfly.approvals is 'Questions that somebody has to answer before work continues, and their outcomes.';
comment on column mayfly.approvals.input is 'The arguments to approve. If a decision has changed them, these are the changed arguments.';
comment on column mayfly.approvals.digest is 'SHA-256 of the input as canonical JSON. A decision must name the same digest.';
comment on column mayfly.approvals.input_schema is 'The JSON Schema that a changed input must match; null if the input cannot be changed.';
comment on column mayfly.approvals.attempt is 'The attempt of the job that requested it.';
comment on column mayfly.approvals.waived is 'Why nobody was asked; null if somebody was asked.';
comment on column mayfly.approvals.quorum is 'How many have to approve. One rejection is enough to reject.';
comment on column mayfly.approvals.roles is 'The roles that may decide; null for every role with the scope approval:decide.';
comment on column mayfly.approvals.deciders is 'The people and agents that may decide; null for everybody with the scope.';
comment on column mayfly.approvals.delegates is 'The people and agents to whom a decider has delegated it, in addition to the roles and the deciders.';
comment on column mayfly.approvals.notify is 'The name of the job that notifies people of it.';
comment on column mayfly.approvals.escalation_roles is 'The roles that may also decide after it has escalated.';
comment on column mayfly.approvals.used_at is 'When the job took the decision. A decision can be taken once.';
