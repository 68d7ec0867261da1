-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('run.started', 'run:read', null, 'A run was started.'),
  ('run.paused', 'run:read', null, 'A run was paused.'),
  ('run.resumed', 'run:read', null, 'A paused run continues.'),
  ('run.succeeded', 'run:read', null, 'A run has given its answer.'),
  ('run.failed', 'run:read', null, 'A run has ended without an answer, because it failed or reached a limit.'),
  ('run.cancelled', 'run:read', null, 'A run was cancelled.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
