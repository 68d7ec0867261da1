-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('job:read', 'See jobs, their inputs and their results.', '{viewer,member,admin,owner}', true, true),
  ('job:add', 'Add jobs, signal them, and cancel your own jobs.', '{member,admin,owner}', true, true),
  ('job:work', 'Claim jobs and do them.', '{member,admin,owner}', true, true),
  ('job:admin', 'Cancel, redrive and discard any job; set schedules and the limits of queues.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;
