-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('approval.requested', 'approval:read', null, 'Somebody asks for an approval.'),
  ('approval.escalated', 'approval:read', null, 'An approval has waited long enough for others to decide it.'),
  ('approval.delegated', 'approval:read', null, 'An approval was delegated to somebody.'),
  ('approval.approved', 'approval:read', null, 'An approval was given.'),
  ('approval.rejected', 'approval:read', null, 'An approval was refused.'),
  ('approval.expired', 'approval:read', null, 'An approval was not decided in time.'),
  ('approval.cancelled', 'approval:read', null, 'An approval was withdrawn.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
