-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('member.joined', 'member:read', null, 'A person became a member of the tenant.'),
  ('member.updated', 'member:read', null, 'The role of a member changed.'),
  ('member.left', 'member:read', null, 'A person is no longer a member.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
