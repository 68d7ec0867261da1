-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.model_usage', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.cost_groups', 'one row per member of a team'),
  ('mayfly.budgets', '1000 rows per tenant, and one per run, whose job is charged'),
  ('mayfly.rate_limits', '1000 rows per tenant'),
  ('mayfly_private.cost_holds', 'open calls, and unsettled calls of the last day: 10000 rows per tenant'),
  ('mayfly_private.model_breakers', '1000 rows per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
