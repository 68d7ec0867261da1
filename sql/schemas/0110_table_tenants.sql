-- A tenant and its limits.

create table mayfly.tenants (
  id uuid not null default gen_random_uuid() constraint tenants_pkey primary key,
  name text not null
    constraint tenants_name_length check (char_length(name) between 1 and 200),
  max_lifetime interval not null default '15 minutes'
    constraint tenants_max_lifetime_range check (max_lifetime between '5 seconds' and '30 days'),
  token_lifetime interval not null default '2 minutes'
    constraint tenants_token_lifetime_range check (token_lifetime between '10 seconds' and '1 hour'),
  max_living_agents integer not null default 100
    constraint tenants_max_living_agents_range check (max_living_agents between 0 and 100000),
  max_depth integer not null default 5
    constraint tenants_max_depth_range check (max_depth between 0 and 20),
  language text not null default 'english'
    constraint tenants_language_known check (language in (
      'simple', 'arabic', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'hungarian',
      'indonesian', 'italian', 'norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish')),
  created_at timestamptz not null default now()
);

comment on table mayfly.tenants is 'A tenant: the border that nothing crosses, and its limits.';
comment on column mayfly.tenants.max_lifetime is 'The longest an agent may live, renewals included.';
comment on column mayfly.tenants.token_lifetime is 'How long an agent''s token is valid; its SDK renews it before.';
comment on column mayfly.tenants.language is 'The text search configuration of its memories.';
