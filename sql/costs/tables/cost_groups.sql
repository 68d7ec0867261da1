-- Which agents spend for which team. A room that groups agents writes this table. The spending of an agent's
-- descendants counts for the agent's teams as well.

create table mayfly_private.cost_groups (
  tenant_id uuid not null,
  agent_id uuid not null,
  subject text collate "C" not null,
  constraint cost_groups_pkey primary key (tenant_id, agent_id, subject),
  constraint cost_groups_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id) on delete cascade
);

alter table mayfly_private.cost_groups enable row level security;

alter table mayfly_private.cost_groups alter column subject set statistics 0;

comment on table mayfly_private.cost_groups is 'Which agents spend for which team.';
