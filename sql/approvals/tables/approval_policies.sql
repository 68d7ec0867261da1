-- What needs an approval, by the type of the requesting agent and the category of the approval. '*' stands for all. The
-- most specific row applies. A row with type and category comes before a row with only the type, then a row with only
-- the category, and last the row with '*' for both. If no row applies, somebody is always asked.

create table mayfly.approval_policies (
  tenant_id uuid not null,
  agent_type text collate "C" not null default '*',
  category text collate "C" not null default '*',
  autonomy text not null default 'ask'
    constraint approval_policies_autonomy_known check (autonomy in ('ask', 'milestones', 'none')),
  min_confidence double precision
    constraint approval_policies_min_confidence_range check (min_confidence between 0 and 1),
  quorum integer not null default 1 constraint approval_policies_quorum_range check (quorum between 1 and 20),
  roles text[],
  requester_decides boolean not null default false,
  expires_in interval,
  escalate_after interval,
  escalation_roles text[],
  notify text,
  updated_at timestamptz not null default clock_timestamp(),
  constraint approval_policies_pkey primary key (tenant_id, agent_type, category),
  constraint approval_policies_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.approval_policies
  alter column agent_type set statistics 0,
  alter column category set statistics 0,
  alter column roles set statistics 0,
  alter column escalation_roles set statistics 0,
  alter column notify set statistics 0;

comment on table mayfly.approval_policies is 'What needs an approval, by agent type and category.';
comment on column mayfly.approval_policies.autonomy is 'When somebody is asked. ask: always; milestones: only for requests that are marked as milestones; none: only for requests that are marked as required.';
comment on column mayfly.approval_policies.min_confidence is 'Nobody is asked if the requester is at least this confident. If this is null, somebody is asked at any confidence.';
comment on column mayfly.approval_policies.quorum is 'The smallest quorum. A request may ask for more.';
comment on column mayfly.approval_policies.requester_decides is 'Whether the requester, its ancestors and its descendants may decide.';
comment on column mayfly.approval_policies.notify is 'The name of a job to add for each approval and each escalation.';
