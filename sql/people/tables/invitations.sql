-- Invitations into a tenant. invitation_secrets has the hash of each invitation's token.

create table mayfly.invitations (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  email text constraint invitations_email_form check (email = lower(email) and email like '%_@_%' and char_length(email) <= 320),
  role text not null
    constraint invitations_role_known check (role in ('owner', 'admin', 'member', 'viewer')),
  invited_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid,
  revoked_at timestamptz,
  constraint invitations_pkey primary key (tenant_id, id),
  constraint invitations_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create index invitations_email_idx on mayfly.invitations (email);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.invitations
  alter column email set statistics 0,
  alter column invited_by set statistics 0,
  alter column accepted_by set statistics 0;

comment on table mayfly.invitations is 'Invitations of people into a tenant.';
comment on column mayfly.invitations.email is 'Only a person with this address may accept it. If this is null, anyone with its token may accept it.';
comment on column mayfly.invitations.invited_by is 'The person who sent it. Null for the secret key.';
