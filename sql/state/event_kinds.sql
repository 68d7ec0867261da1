-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('state.changed', 'state:read', null, 'A state has a new version.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
