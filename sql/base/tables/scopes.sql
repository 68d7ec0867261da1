-- Every scope there is, which member roles have it, and whether an agent can be given it. An agent's
-- scopes are a subset of these.

create table mayfly.scopes (
  name text constraint scopes_pkey primary key,
  description text not null,
  roles text[] not null,
  agents boolean not null default true
);

comment on table mayfly.scopes is 'The scopes: what each allows, which member roles have it, and whether agents can.';
comment on column mayfly.scopes.agents is 'Whether an agent can be given it. What outlives an agent, or reaches people, it cannot.';

insert into mayfly.scopes (name, description, roles, agents) values
  ('memory:read', 'Read and recall the memories of the tenant.', '{viewer,member,admin,owner}', true),
  ('memory:write', 'Remember and forget.', '{member,admin,owner}', true),
  ('memory:admin', 'Read memories that are visible to their agent alone.', '{admin,owner}', true),
  ('agent:read', 'See the agents of the tenant and their types.', '{viewer,member,admin,owner}', true),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}', true),
  ('agent:stop', 'Stop, suspend and resume agents that one did not spawn.', '{member,admin,owner}', true),
  ('type:write', 'Define agent types.', '{admin,owner}', true),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}', true),
  ('presence:write', 'Be present.', '{member,admin,owner}', true),
  ('message:read', 'Have an inbox, read channels, and the messages that one sent or received.', '{viewer,member,admin,owner}', true),
  ('message:send', 'Send messages, publish in channels.', '{member,admin,owner}', true),
  ('message:admin', 'Read every message, and listen to every inbox.', '{admin,owner}', true),
  ('channel:write', 'Create channels, change and delete one''s own.', '{member,admin,owner}', true),
  ('channel:broadcast', 'Broadcast in channels what is kept nowhere, past every quota. Not among an agent''s default scopes.', '{member,admin,owner}', true),
  ('state:read', 'Read the states of the tenant, its agents'' and the shared ones.', '{viewer,member,admin,owner}', true),
  ('state:write', 'Write the shared states; an agent also its own and its descendants''.', '{member,admin,owner}', true),
  ('debug:read', 'Watch the debug streams of the tenant''s agents.', '{member,admin,owner}', true),
  ('debug:write', 'Send a debug stream of one''s own.', '{member,admin,owner}', true),
  ('member:read', 'See the people of the tenant.', '{viewer,member,admin,owner}', true),
  ('member:write', 'Invite people, change their roles, remove them.', '{admin,owner}', false),
  ('key:write', 'See, create and revoke enrolment keys.', '{admin,owner}', false),
  ('tenant:write', 'Rename the tenant and set what its agents may.', '{admin,owner}', false);
