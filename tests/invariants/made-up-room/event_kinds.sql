insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('parcel.sent', 'parcel:read', null, 'A parcel was sent.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;
