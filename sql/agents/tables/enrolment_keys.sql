-- Keys with which machines spawn agents. enrolment_secrets has the hashes of the keys.

create table mayfly.enrolment_keys (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint enrolment_keys_name_length check (char_length(name) between 1 and 100),
  scopes text[] not null,
  created_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint enrolment_keys_pkey primary key (tenant_id, id),
  constraint enrolment_keys_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 80);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.enrolment_keys
  alter column name set statistics 0,
  alter column scopes set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.enrolment_keys is 'Keys with which machines can spawn agents, and do nothing else.';
comment on column mayfly.enrolment_keys.scopes is 'The most scopes that an agent spawned with this key can have.';
comment on column mayfly.enrolment_keys.last_used_at is 'When an agent was last spawned with it, to the minute.';
comment on column mayfly.enrolment_keys.created_by is 'The person who created it; null for the secret key.';
