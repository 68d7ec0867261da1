-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('member:read', 'See the people of the tenant.', '{viewer,member,admin,owner}', true, false),
  ('member:write', 'Invite people, change their roles, remove them.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
