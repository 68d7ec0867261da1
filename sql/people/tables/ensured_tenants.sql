-- Which tenant ensure_tenant returns for a name, for each person and for the secret key (null). A tenant's name is not
-- unique, and any person can choose it. If only the name counted, the secret key could get the tenant of a stranger who
-- chose the same name.

create table mayfly_private.ensured_tenants (
  owner uuid,
  name text not null constraint ensured_tenants_name_length check (char_length(name) between 1 and 200),
  tenant_id uuid not null constraint ensured_tenants_pkey primary key,
  constraint ensured_tenants_name_key unique nulls not distinct (owner, name),
  constraint ensured_tenants_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.ensured_tenants is 'The tenant for each name that a caller ensures.';

alter table mayfly_private.ensured_tenants enable row level security;
