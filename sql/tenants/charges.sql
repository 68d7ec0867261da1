-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.maintenance', 'one row per tenant'),
  ('mayfly_private.postgres_listeners', 'one row per tenant'),
  ('mayfly_private.tenant_usage', '16 rows per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
