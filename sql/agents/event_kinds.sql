-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('agent.spawned', 'agent:read', null, 'An agent was spawned.'),
  ('agent.suspended', 'agent:read', null, 'An agent was suspended.'),
  ('agent.resumed', 'agent:read', null, 'A suspended agent was resumed.'),
  ('agent.stopped', 'agent:read', null, 'An agent was stopped.'),
  ('agent.expired', 'agent:read', null, 'The lifetime of an agent ended, and the agent was marked as expired.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
