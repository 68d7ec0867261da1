-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('debug:read', 'Watch the debug streams of the tenant''s agents.', '{member,admin,owner}', true, false),
  ('debug:write', 'Send your own debug stream.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
