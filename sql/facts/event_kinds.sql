-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('fact.recorded', 'fact:read', 'fact:admin', 'A fact was recorded.'),
  ('fact.ended', 'fact:read', 'fact:admin', 'A fact ended, because a newer one replaced it or somebody ended it.'),
  ('fact.forgotten', 'fact:read', 'fact:admin', 'A fact was deleted.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
