-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('artifact:read', 'Read the files of the tenant.', '{viewer,member,admin,owner}', true, true),
  ('artifact:write', 'Store files, and remove them.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
