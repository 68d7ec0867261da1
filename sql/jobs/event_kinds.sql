-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('job.added', 'job:read', null, 'A job was added.'),
  ('job.retrying', 'job:read', null, 'An attempt of a job failed, and it is tried again.'),
  ('job.succeeded', 'job:read', null, 'A job has succeeded.'),
  ('job.failed', 'job:read', null, 'A job has failed for good.'),
  ('job.cancelled', 'job:read', null, 'A job was cancelled.'),
  ('job.redriven', 'job:read', null, 'A failed job is ready again.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
