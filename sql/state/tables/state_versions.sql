-- The newest hundred versions of every state: the value, who made it, and how.

create table mayfly.state_versions (
  tenant_id uuid not null,
  state_id uuid not null,
  version integer not null,
  value jsonb,
  bytes integer not null default 0,
  action text not null
    constraint state_versions_action_known check (action in ('set', 'patch', 'rollback', 'reconcile', 'delete', 'expire')),
  by uuid,
  at timestamptz not null default clock_timestamp(),
  constraint state_versions_pkey primary key (tenant_id, state_id, version),
  constraint state_versions_state_fkey foreign key (tenant_id, state_id)
    references mayfly.states (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.state_versions
  alter column value set statistics 0,
  alter column by set statistics 0;

comment on table mayfly.state_versions is 'The versions of states: values, who made them and how.';
comment on column mayfly.state_versions.value is 'The value at that version. Null (no JSON at all) if it was deleted or had expired.';
comment on column mayfly.state_versions.bytes is 'How many bytes of the tenant''s max_bytes the version takes: the length of the value as text plus 256 for its row, or 0 if it expired.';
