-- The SHA-256 hashes of the tokens of invitations. They are in a separate table, because admins may read
-- mayfly.invitations.

create table mayfly_private.invitation_secrets (
  hash bytea constraint invitation_secrets_pkey primary key,
  tenant_id uuid not null,
  invitation_id uuid not null,
  constraint invitation_secrets_invitation_fkey foreign key (tenant_id, invitation_id)
    references mayfly.invitations (tenant_id, id) on delete cascade
);

create index invitation_secrets_invitation_idx on mayfly_private.invitation_secrets (tenant_id, invitation_id);

comment on table mayfly_private.invitation_secrets is 'SHA-256 of the tokens that accept invitations.';

alter table mayfly_private.invitation_secrets enable row level security;
