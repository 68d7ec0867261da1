-- When each agent last sent a heartbeat. This is a separate table, with no other index than its key and no trigger for
-- the log, so that a heartbeat is one update within its page (HOT).

create table mayfly.agent_liveness (
  tenant_id uuid not null,
  agent_id uuid not null,
  last_seen_at timestamptz not null,
  constraint agent_liveness_pkey primary key (tenant_id, agent_id),
  constraint agent_liveness_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly.agent_liveness is 'When each agent last sent a heartbeat.';
