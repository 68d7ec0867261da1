-- The kinds of events that this room writes to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('budget.reached', 'cost:read', null, 'A budget has reached its soft limit.'),
  ('budget.refused', 'cost:read', null, 'A call was refused because a budget has no room for it.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
