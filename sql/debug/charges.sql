-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.debug_records', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.debug_leases', 'leases, which last a minute'),
  ('mayfly_private.debug_streams', 'one row per agent')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
