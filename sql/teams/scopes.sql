-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('team:read', 'See teams, closed polls, tenders and assignments.', '{viewer,member,admin,owner}', true, true),
  ('team:vote', 'Vote in polls and bid for work.', '{member,admin,owner}', true, true),
  ('team:manage', 'Create teams, open polls and tenders, assign work and rate results.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
