-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.events', 'the limit of writes per minute, and how long events are kept'),
  ('mayfly_private.broadcast_losses', 'one row per tenant'),
  ('mayfly_private.listeners', 'leases, which last a minute'),
  ('mayfly_private.nudges', 'one row for each topic to which somebody listens'),
  ('mayfly_private.nudges_due', 'the writes of one second, after which due rows are sent'),
  ('mayfly_private.ops', 'the limit of writes per minute, and how long operations are kept')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
