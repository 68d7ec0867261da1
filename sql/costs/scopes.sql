-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('cost:read', 'See what models cost, the budgets and the limits.', '{viewer,member,admin,owner}', true, true),
  ('cost:write', 'Reserve and record what calls of models cost.', '{member,admin,owner}', true, true),
  ('cost:admin', 'Set budgets and rate limits.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
