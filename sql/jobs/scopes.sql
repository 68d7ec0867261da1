-- The scopes of jobs. Run again with each release, so that a changed sentence or role reaches a database that has them.

insert into mayfly.scopes (name, description, roles, agents) values
  ('job:read', 'See jobs, what they were given and what they gave.', '{viewer,member,admin,owner}', true),
  ('job:add', 'Add jobs, signal them, and cancel those that one added.', '{member,admin,owner}', true),
  ('job:work', 'Claim jobs and do them.', '{member,admin,owner}', true),
  ('job:admin', 'Cancel, redrive and discard any job; set schedules and the limits of queues.', '{admin,owner}', true)
on conflict on constraint scopes_pkey do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents;
