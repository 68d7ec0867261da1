-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('memory.created', 'memory:read', 'memory:admin', 'A memory was stored.'),
  ('memory.updated', 'memory:read', 'memory:admin', 'Fields of a memory changed.'),
  ('memory.hidden', 'memory:read', 'memory:admin', 'A memory became private to its agent.'),
  ('memory.deleted', 'memory:read', 'memory:admin', 'A memory was forgotten.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
