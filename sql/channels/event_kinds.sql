-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('channel.created', 'message:read', null, 'A channel was created.'),
  ('channel.updated', 'message:read', null, 'The description or the publishers of a channel changed.'),
  ('channel.deleted', 'message:read', null, 'A channel was deleted.'),
  ('channel.subscribed', 'message:read', null, 'An agent or person subscribed to a channel.'),
  ('channel.unsubscribed', 'message:read', null, 'An agent or person unsubscribed from a channel.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
