-- The scopes that people have granted to OAuth clients, such as an MCP client. A token of Supabase Auth with a
-- client_id may do only what is granted here, and only while the person may do the same. Written by grant_client and
-- revoke_client. A grant ends with the membership, and does not come back if the person joins again.

create table mayfly_private.client_grants (
  tenant_id uuid not null,
  user_id uuid not null,
  client_id text not null constraint client_grants_client_length check (char_length(client_id) between 1 and 200),
  scopes text[] not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint client_grants_pkey primary key (tenant_id, user_id, client_id),
  constraint client_grants_member_fkey foreign key (tenant_id, user_id) references mayfly.members (tenant_id, user_id) on delete cascade
);

-- Finds grants by the token, before the tenant is known.
create index client_grants_token_idx on mayfly_private.client_grants (user_id, client_id);

comment on table mayfly_private.client_grants is 'The scopes that people have granted to OAuth clients.';
comment on column mayfly_private.client_grants.client_id is 'The claim client_id in a token of Supabase Auth.';
