-- Every scope there is, and the member roles that have it. An agent's scopes are a subset of these.

create table mayfly.scopes (
  name text constraint scopes_pkey primary key,
  description text not null,
  roles text[] not null
);

comment on table mayfly.scopes is 'The scopes of agents, and which member roles have them.';

insert into mayfly.scopes (name, description, roles) values
  ('memory:read', 'Read and recall the memories of the tenant.', '{viewer,member,admin,owner}'),
  ('memory:write', 'Remember and forget.', '{member,admin,owner}'),
  ('memory:admin', 'Read memories that are visible to their agent alone.', '{admin,owner}'),
  ('agent:read', 'See the agents of the tenant.', '{viewer,member,admin,owner}'),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}'),
  ('agent:stop', 'Stop agents that one did not spawn.', '{member,admin,owner}'),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}'),
  ('presence:write', 'Be present.', '{member,admin,owner}');
