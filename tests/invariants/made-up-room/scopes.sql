insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('parcel:read', 'See parcels.', '{viewer,member,admin,owner}', true, true),
  ('parcel:send', 'Send parcels.', '{member,admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
