-- Questions that agents or people answer independently. Nobody sees a ballot before the poll is closed. Until
-- then, ballots are in the private schema (cast_ballots).

create table mayfly.polls (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  question text not null constraint polls_question_length check (char_length(question) between 1 and 2000),
  options text[] not null constraint polls_options_count check (cardinality(options) between 2 and 50),
  rule text not null constraint polls_rule_known check (rule in ('majority', 'unanimous', 'weighted', 'first_valid')),
  quorum integer constraint polls_quorum_range check (quorum between 1 and 10000),
  voters uuid[] constraint polls_voters_count check (cardinality(voters) between 1 and 1000),
  weights double precision[],
  deadline timestamptz not null,
  status text not null default 'open' constraint polls_status_known check (status in ('open', 'closed', 'cancelled')),
  outcome jsonb,
  job_id uuid,
  key text collate "C",
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  constraint polls_pkey primary key (tenant_id, id),
  constraint polls_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint polls_closed_when_over check ((status = 'open') = (closed_at is null)),
  constraint polls_weights_match check (weights is null or cardinality(weights) = cardinality(voters))
);

create unique index polls_key_key on mayfly.polls (tenant_id, key) where key is not null;
create index polls_open_idx on mayfly.polls (tenant_id, deadline) where status = 'open';
create index polls_closed_idx on mayfly.polls (tenant_id, closed_at) where status <> 'open';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.polls
  alter column team_id set statistics 0,
  alter column question set statistics 0,
  alter column options set statistics 0,
  alter column quorum set statistics 0,
  alter column voters set statistics 0,
  alter column weights set statistics 0,
  alter column outcome set statistics 0,
  alter column job_id set statistics 0,
  alter column key set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.polls is 'Questions that agents or people answer independently, with their outcome.';
comment on column mayfly.polls.voters is 'Who can vote. Null means everybody with the scope team:vote.';
comment on column mayfly.polls.weights is 'The weights of the voters, in the same order; null if each counts 1.';
comment on column mayfly.polls.quorum is 'The poll closes with this many ballots. With fewer, it decides nothing.';
comment on column mayfly.polls.outcome is '{ result, winner, ballots, counts }, once it is closed.';
comment on column mayfly.polls.job_id is 'The job that opened it, which gets the signal poll:<id>.';
comment on column mayfly.polls.key is 'Set when it is opened. The same key finds the same poll.';
