-- The scopes of this room.

-- By default an agent may not: to spawn, to stop and to administer must be asked for. presence:read too: an agent that
-- tracks and may see who is present is told of every change by Realtime, wanted or not, and each counts for each
-- receiver.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('agent:read', 'See the agents of the tenant and their types.', '{viewer,member,admin,owner}', true, true),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}', true, false),
  ('agent:stop', 'Stop, suspend and resume agents that one did not spawn.', '{member,admin,owner}', true, false),
  ('type:write', 'Define agent types.', '{admin,owner}', true, false),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}', true, false),
  ('presence:write', 'Be present.', '{member,admin,owner}', true, true),
  ('key:write', 'See, create and revoke enrolment keys.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
