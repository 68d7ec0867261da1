-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('run:read', 'See runs: inputs, answers, tool calls and costs.', '{viewer,member,admin,owner}', true, true),
  ('run:write', 'Start, pause, resume and fork runs.', '{member,admin,owner}', true, true),
  ('secret:read', 'Read secrets of the tenant from Vault, for the tools and models of a run that one works on.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
