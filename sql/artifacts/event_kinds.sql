-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('artifact.stored', 'artifact:read', null, 'A version of a file was stored.'),
  ('artifact.removed', 'artifact:read', null, 'Versions of a file were removed.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
