-- The scopes of this room.

-- By default, an agent may not spawn, stop or administer. Whoever spawns it has to give it these scopes, and also
-- presence:read. If an agent with presence:read tracks its own presence, Realtime sends it every change of presence,
-- wanted or not, and counts each change once for each receiver.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('agent:read', 'See the agents of the tenant and their types.', '{viewer,member,admin,owner}', true, true),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}', true, false),
  ('agent:stop', 'Stop, suspend and resume agents that the caller did not spawn.', '{member,admin,owner}', true, false),
  ('type:write', 'Define agent types.', '{admin,owner}', true, false),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}', true, false),
  ('presence:write', 'Be present.', '{member,admin,owner}', true, true),
  ('key:write', 'See, create and revoke enrolment keys.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
