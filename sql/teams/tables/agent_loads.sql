-- How many open assignments each agent has, as a sum of changes. Each assignment adds a row with the change 1, and its
-- end adds a row with the change -1. A job that ends only inserts a row here, so it waits for nobody. fold_loads
-- replaces the rows of an agent by their sum.

create table mayfly_private.agent_loads (
  tenant_id uuid not null,
  agent_id uuid not null,
  id bigint not null generated always as identity,
  change integer not null,
  constraint agent_loads_pkey primary key (tenant_id, agent_id, id),
  constraint agent_loads_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

alter table mayfly_private.agent_loads enable row level security;

alter table mayfly_private.agent_loads alter column agent_id set statistics 0;

comment on table mayfly_private.agent_loads is 'Changes of the number of open assignments of agents.';
