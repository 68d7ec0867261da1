-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('run:read', 'See runs: what was asked, said, done and spent.', '{viewer,member,admin,owner}', true, true),
  ('run:write', 'Start, pause, resume and fork runs.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
