-- Decisions about approvals, one row for each person or agent. A decision counts only for the input whose digest it
-- has.

create table mayfly.approval_decisions (
  tenant_id uuid not null,
  approval_id uuid not null,
  decided_by uuid not null,
  decided_kind text not null
    constraint approval_decisions_kind_known check (decided_kind in ('agent', 'person', 'secret')),
  verdict text not null constraint approval_decisions_verdict_known check (verdict in ('approve', 'reject', 'delegate')),
  digest bytea not null,
  delegated_to uuid,
  reason text constraint approval_decisions_reason_length check (char_length(reason) <= 2000),
  at timestamptz not null default clock_timestamp(),
  constraint approval_decisions_pkey primary key (tenant_id, approval_id, decided_by),
  constraint approval_decisions_approval_fkey foreign key (tenant_id, approval_id)
    references mayfly.approvals (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.approval_decisions
  alter column approval_id set statistics 0,
  alter column decided_by set statistics 0,
  alter column digest set statistics 0,
  alter column delegated_to set statistics 0,
  alter column reason set statistics 0;

comment on table mayfly.approval_decisions is 'Decisions about approvals, and who made them.';
comment on column mayfly.approval_decisions.digest is 'The digest of the input that was decided on. An approval of an input that was changed later does not count.';
