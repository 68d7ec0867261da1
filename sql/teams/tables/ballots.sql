-- The ballots of closed polls. Closing a poll moves them here from mayfly_private.cast_ballots, in one statement.

create table mayfly.ballots (
  tenant_id uuid not null,
  poll_id uuid not null,
  voter_id uuid not null,
  choice text not null,
  reason text constraint ballots_reason_length check (char_length(reason) <= 2000),
  weight double precision not null,
  cast_at timestamptz not null,
  constraint ballots_pkey primary key (tenant_id, poll_id, voter_id),
  constraint ballots_poll_fkey foreign key (tenant_id, poll_id) references mayfly.polls (tenant_id, id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.ballots
  alter column poll_id set statistics 0,
  alter column voter_id set statistics 0,
  alter column choice set statistics 0,
  alter column reason set statistics 0,
  alter column weight set statistics 0;

comment on table mayfly.ballots is 'Who voted for what in closed polls.';
