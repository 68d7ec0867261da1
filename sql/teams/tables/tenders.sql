-- Work that agents bid for. Like ballots, bids are sealed until the tender closes (sealed_bids).

create table mayfly.tenders (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  job jsonb not null,
  capabilities text[] not null default '{}',
  rule text not null constraint tenders_rule_known check (rule in ('lowest_price', 'highest_score')),
  max_price numeric(20, 6),
  deadline timestamptz not null,
  status text not null default 'open' constraint tenders_status_known check (status in ('open', 'awarded', 'failed', 'cancelled')),
  job_id uuid,
  winner_id uuid,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  constraint tenders_pkey primary key (tenant_id, id),
  constraint tenders_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint tenders_closed_when_over check ((status = 'open') = (closed_at is null)),
  constraint tenders_job_when_awarded check ((status = 'awarded') = (job_id is not null))
);

create index tenders_open_idx on mayfly.tenders (tenant_id, deadline) where status = 'open';
create index tenders_closed_idx on mayfly.tenders (tenant_id, closed_at) where status <> 'open';

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.tenders
  alter column team_id set statistics 0,
  alter column job set statistics 0,
  alter column capabilities set statistics 0,
  alter column max_price set statistics 0,
  alter column job_id set statistics 0,
  alter column winner_id set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.tenders is 'Work that agents bid for, and who got it.';
comment on column mayfly.tenders.job is 'The job that the winner gets, as add_jobs takes it.';
comment on column mayfly.tenders.max_price is 'Bids above it do not win.';
