-- The bids of tenders that are over. Closing a tender moves them here from mayfly_private.sealed_bids, in one statement.

create table mayfly.bids (
  tenant_id uuid not null,
  tender_id uuid not null,
  agent_id uuid not null,
  price numeric(20, 6) not null,
  score double precision not null,
  note text constraint bids_note_length check (char_length(note) <= 2000),
  made_at timestamptz not null,
  constraint bids_pkey primary key (tenant_id, tender_id, agent_id),
  constraint bids_tender_fkey foreign key (tenant_id, tender_id) references mayfly.tenders (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.bids
  alter column tender_id set statistics 0,
  alter column agent_id set statistics 0,
  alter column price set statistics 0,
  alter column score set statistics 0,
  alter column note set statistics 0;

comment on table mayfly.bids is 'Who bid what, for work that is awarded or over.';
comment on column mayfly.bids.score is 'How well the bidder expects to do it, 0 to 1.';
