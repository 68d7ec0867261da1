-- Every scope, which member roles have it, and whether an agent can have it. An agent's scopes are a subset of those
-- that an agent can have. A room registers its scopes in its scopes.sql.

create table mayfly.scopes (
  name text constraint scopes_pkey primary key,
  description text not null,
  roles text[] not null,
  agents boolean not null default true,
  by_default boolean not null default false
);

comment on table mayfly.scopes is 'The scopes: what each allows, which member roles have it, and whether agents can.';
comment on column mayfly.scopes.agents is 'Whether an agent can have it. An agent cannot have scopes that reach people or outlive it.';
comment on column mayfly.scopes.by_default is 'Whether an agent has it by default, if its spawner has it.';
