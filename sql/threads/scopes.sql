-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('thread:read', 'Read the threads of the tenant, with their checkpoints.', '{viewer,member,admin,owner}', true, true),
  ('thread:write', 'Write checkpoints, and delete and prune threads.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
