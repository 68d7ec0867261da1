-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.invitations', 256, '{email}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.members', 'one row per person'),
  ('mayfly_private.client_grants', '50 clients per member'),
  ('mayfly_private.ensured_tenants', 'one row per tenant'),
  ('mayfly_private.invitation_secrets', 'one row per invitation')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
