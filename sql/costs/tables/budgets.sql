-- How much may be spent by the whole tenant, by a team with all descendants of its members, by all agents with the same
-- name, or by one run. A hard limit refuses calls that would exceed it. A soft limit writes to the log when it is
-- reached. Reserved amounts count as spent until they are settled. Only the functions of this room write this table.
--
-- No constraint compares spending with the limit, because a call that cost more than its estimate is still recorded.

create table mayfly.budgets (
  tenant_id uuid not null,
  level text collate "C" not null constraint budgets_level_known check (level in ('tenant', 'team', 'agent', 'run')),
  subject text collate "C" not null,
  id uuid not null default gen_random_uuid(),
  hard_usd numeric constraint budgets_hard_usd_range check (hard_usd >= 0),
  soft_usd numeric constraint budgets_soft_usd_range check (soft_usd >= 0),
  hard_tokens bigint constraint budgets_hard_tokens_range check (hard_tokens >= 0),
  period text not null default 'total' constraint budgets_period_known check (period in ('total', 'day', 'month')),
  period_start timestamptz not null default clock_timestamp(),
  spent_usd numeric not null default 0,
  held_usd numeric not null default 0,
  spent_tokens bigint not null default 0,
  held_tokens bigint not null default 0,
  unpriced integer not null default 0,
  reached_at timestamptz,
  refused_at timestamptz,
  constraint budgets_pkey primary key (tenant_id, level, subject),
  constraint budgets_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.budgets
  alter column subject set statistics 0,
  alter column id set statistics 0,
  alter column hard_usd set statistics 0,
  alter column soft_usd set statistics 0,
  alter column hard_tokens set statistics 0,
  alter column spent_usd set statistics 0,
  alter column held_usd set statistics 0,
  alter column spent_tokens set statistics 0,
  alter column held_tokens set statistics 0,
  alter column unpriced set statistics 0;

comment on table mayfly.budgets is 'How much may be spent on models, and how much was spent.';
comment on column mayfly.budgets.subject is 'The id of the team or the run, or the name of the agents; empty for the tenant.';
comment on column mayfly.budgets.period is 'When spending starts again at zero: never, each day or each month, in UTC.';
comment on column mayfly.budgets.held_usd is 'Reserved for open calls.';
comment on column mayfly.budgets.unpriced is 'How many calls had no known price. Their cost is not in any sum.';
comment on column mayfly.budgets.reached_at is 'When the log reported, in this period, that the soft limit is reached.';
comment on column mayfly.budgets.refused_at is 'When the log reported, in this period, that a call was refused.';
