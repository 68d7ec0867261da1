-- How well the agents of a type have done a kind of work. The record belongs to the type, because agents live only for
-- a short time.

create table mayfly.track_records (
  tenant_id uuid not null,
  agent_type text collate "C" not null,
  work text collate "C" not null,
  rated integer not null,
  total double precision not null,
  constraint track_records_pkey primary key (tenant_id, agent_type, work),
  constraint track_records_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.track_records
  alter column agent_type set statistics 0,
  alter column work set statistics 0,
  alter column total set statistics 0;

comment on table mayfly.track_records is 'How well the agents of a type have done a kind of work: the number of ratings and the sum of the rewards.';
