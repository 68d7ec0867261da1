-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('fact:read', 'Read entities and facts of the tenant.', '{viewer,member,admin,owner}', true, true),
  ('fact:write', 'Record facts, name and merge entities, and forget your own facts.', '{member,admin,owner}', true, true),
  ('fact:admin', 'Read private facts, forget any fact, and set how long ended facts are kept.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
