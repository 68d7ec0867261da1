-- For each registration key of a spawner, the agent for which the key stands. This makes spawning idempotent.

create table mayfly_private.registrations (
  tenant_id uuid not null,
  -- The person, agent or enrolment key that spawned the agent. All zeros stand for the secret key.
  spawner uuid not null,
  key text not null constraint registrations_key_length check (char_length(key) between 1 and 200),
  agent_id uuid not null,
  constraint registrations_pkey primary key (tenant_id, spawner, key),
  constraint registrations_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index registrations_agent_idx on mayfly_private.registrations (tenant_id, agent_id);

comment on table mayfly_private.registrations is 'The newest agent of each registration key.';

alter table mayfly_private.registrations enable row level security;
