-- The secrets that renew an agent's token, as hashes: those of the two newest rounds. Spawning and resuming give a
-- secret of round 1, and each use of a secret gives one of the next round. Secrets of older rounds are deleted, so that
-- nobody can use them.

create table mayfly_private.renewal_secrets (
  hash bytea constraint renewal_secrets_pkey primary key,
  tenant_id uuid not null,
  agent_id uuid not null,
  made_at timestamptz not null default clock_timestamp(),
  -- When the secret was first used.
  used_at timestamptz,
  round integer not null,
  constraint renewal_secrets_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index renewal_secrets_agent_idx on mayfly_private.renewal_secrets (tenant_id, agent_id);

comment on table mayfly_private.renewal_secrets is 'SHA-256 of the secrets that renew the tokens of agents.';

alter table mayfly_private.renewal_secrets enable row level security;
