-- The SHA-256 hashes of the enrolment keys. They are in a separate table, because admins may read
-- mayfly.enrolment_keys.

create table mayfly_private.enrolment_secrets (
  hash bytea constraint enrolment_secrets_pkey primary key,
  tenant_id uuid not null,
  key_id uuid not null,
  constraint enrolment_secrets_key_fkey foreign key (tenant_id, key_id)
    references mayfly.enrolment_keys (tenant_id, id) on delete cascade
);

create index enrolment_secrets_key_idx on mayfly_private.enrolment_secrets (tenant_id, key_id);

comment on table mayfly_private.enrolment_secrets is 'SHA-256 of the keys with which machines spawn agents.';

alter table mayfly_private.enrolment_secrets enable row level security;
