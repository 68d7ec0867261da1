-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('state:read', 'Read the states of the tenant, its agents'' and the shared ones.', '{viewer,member,admin,owner}', true, true),
  ('state:write', 'Write the shared states; an agent also its own and its descendants''.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
