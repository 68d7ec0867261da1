-- The agents that listen for debug levels, and how many records each has stored in the current minute. The key is the
-- only index, so this fillfactor can keep every update in its page (HOT).

create table mayfly_private.debug_streams (
  tenant_id uuid not null,
  agent_id uuid not null,
  minute timestamptz not null default '-infinity',
  records integer not null default 0,
  constraint debug_streams_pkey primary key (tenant_id, agent_id),
  constraint debug_streams_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.debug_streams is 'The agents that listen for debug levels.';

alter table mayfly_private.debug_streams enable row level security;
