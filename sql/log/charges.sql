-- How many bytes the rows of this room's tables are charged.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.events', 'the writes of a minute, and how long events are kept'),
  ('mayfly_private.broadcast_losses', 'one row a tenant'),
  ('mayfly_private.listeners', 'leases of a minute'),
  ('mayfly_private.nudges', 'one row for each topic to which somebody listens'),
  ('mayfly_private.nudges_due', 'the writes of a second'),
  ('mayfly_private.ops', 'the writes of a minute, and how long operations are kept')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
