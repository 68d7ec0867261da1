-- Which tenant stands for a name that somebody ensures: of a person, or of the secret key (null). Names of tenants are
-- no keys, and people give them freely: by its name alone the secret key would be given a tenant that a stranger has
-- called so.

create table mayfly_private.ensured_tenants (
  owner uuid,
  name text not null constraint ensured_tenants_name_length check (char_length(name) between 1 and 200),
  tenant_id uuid not null constraint ensured_tenants_pkey primary key,
  constraint ensured_tenants_name_key unique nulls not distinct (owner, name),
  constraint ensured_tenants_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.ensured_tenants is 'The tenant for each name that somebody ensures.';

alter table mayfly_private.ensured_tenants enable row level security;
