-- Every secret that ever renewed an agent's token, hashed: one that is used twice is known again.

create table mayfly_private.renewal_secrets (
  hash bytea constraint renewal_secrets_pkey primary key,
  tenant_id uuid not null,
  agent_id uuid not null,
  made_at timestamptz not null default clock_timestamp(),
  used_at timestamptz,
  -- Its one second use (a lost answer) is spent, or it was replaced before it was ever used.
  spent boolean not null default false,
  constraint renewal_secrets_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index renewal_secrets_agent_idx on mayfly_private.renewal_secrets (tenant_id, agent_id);

comment on table mayfly_private.renewal_secrets is 'SHA-256 of the secrets that renew the tokens of agents.';

alter table mayfly_private.renewal_secrets enable row level security;
