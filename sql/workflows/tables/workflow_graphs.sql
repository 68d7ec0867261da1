-- Workflows that are declared as graphs, by name and version. A graph defines what a run of its version does, and what
-- the console draws. A version with open runs never changes.

create table mayfly.workflow_graphs (
  tenant_id uuid not null,
  name text collate "C" not null,
  version text collate "C" not null,
  graph jsonb not null,
  set_by uuid,
  set_at timestamptz not null default clock_timestamp(),
  bytes integer not null,
  constraint workflow_graphs_pkey primary key (tenant_id, name, version),
  constraint workflow_graphs_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.workflow_graphs
  alter column name set statistics 0,
  alter column version set statistics 0,
  alter column graph set statistics 0,
  alter column set_by set statistics 0;

comment on table mayfly.workflow_graphs is 'Workflows that are declared as graphs, by name and version.';
comment on column mayfly.workflow_graphs.graph is
  '{ steps: { name: { needs, optional, map, when, input, job, on_failure, options } }, result }.';
