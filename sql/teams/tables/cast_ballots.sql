-- The ballots of open polls. They are in the private schema, so that no policy and no export can show them. Closing
-- a poll moves them to mayfly.ballots.

create table mayfly_private.cast_ballots (
  tenant_id uuid not null,
  poll_id uuid not null,
  voter_id uuid not null,
  choice text not null,
  reason text,
  weight double precision not null,
  cast_at timestamptz not null,
  constraint cast_ballots_pkey primary key (tenant_id, poll_id, voter_id),
  constraint cast_ballots_poll_fkey foreign key (tenant_id, poll_id) references mayfly.polls (tenant_id, id) on delete cascade
);

alter table mayfly_private.cast_ballots enable row level security;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly_private.cast_ballots
  alter column poll_id set statistics 0,
  alter column voter_id set statistics 0,
  alter column choice set statistics 0,
  alter column reason set statistics 0,
  alter column weight set statistics 0;

comment on table mayfly_private.cast_ballots is 'Who voted for what in open polls.';
