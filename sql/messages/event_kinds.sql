-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('message.sent', 'message:read', 'message:admin', 'A message was sent.'),
  ('message.acknowledged', 'message:read', 'message:admin', 'A message was acknowledged.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
