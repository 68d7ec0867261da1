-- The scopes of this room.

-- A client's broadcasts count against the rate limit of the whole project, and no quota limits them. So an agent has
-- channel:broadcast only if its spawner asks for this scope.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('channel:write', 'Create channels, and change and delete your own.', '{member,admin,owner}', true, false),
  ('channel:broadcast', 'Send broadcasts in channels. They are never stored, and no quota limits them. Agents have this scope only if you name it.', '{member,admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
