-- The bids of open tenders. They are in the private schema, so that nobody knows the bids of others.

create table mayfly_private.sealed_bids (
  tenant_id uuid not null,
  tender_id uuid not null,
  agent_id uuid not null,
  price numeric(20, 6) not null,
  score double precision not null,
  note text,
  made_at timestamptz not null,
  constraint sealed_bids_pkey primary key (tenant_id, tender_id, agent_id),
  constraint sealed_bids_tender_fkey foreign key (tenant_id, tender_id) references mayfly.tenders (tenant_id, id) on delete cascade
);

alter table mayfly_private.sealed_bids enable row level security;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly_private.sealed_bids
  alter column tender_id set statistics 0,
  alter column agent_id set statistics 0,
  alter column price set statistics 0,
  alter column score set statistics 0,
  alter column note set statistics 0;

comment on table mayfly_private.sealed_bids is 'Who bid what, for work that is still open.';
