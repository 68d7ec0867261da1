-- Amounts that are reserved for calls that are not settled yet. A hold with a job is alive while the job runs the
-- attempt that made the hold. A hold without a job is alive until `until`. A hold that was given back is kept for a
-- day, so that the caller can still settle the hold if the call did cost something.

create table mayfly_private.cost_holds (
  tenant_id uuid not null,
  id uuid not null,
  holder uuid not null,
  job_id uuid,
  attempt integer,
  until timestamptz,
  agent text collate "C" not null,
  run_id uuid,
  provider text not null,
  model text not null,
  levels text[] not null,
  usd numeric not null,
  tokens bigint not null,
  released_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  groups text[] not null default '{}',
  constraint cost_holds_pkey primary key (tenant_id, id),
  constraint cost_holds_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.cost_holds is 'Amounts reserved for open calls of models.';
comment on column mayfly_private.cost_holds.groups is 'The teams for which the call is made, and the jobs above its own job.';
comment on column mayfly_private.cost_holds.levels is 'The levels of the budgets that the hold counts against: tenant, team, agent, run.';

alter table mayfly_private.cost_holds enable row level security;
