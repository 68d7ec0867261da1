-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.entities', 300, '{name,type,description}', false),
  ('mayfly.entity_names', 250, '{name}', false),
  ('mayfly.facts', 600, '{predicate,value,source}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values ('mayfly.fact_settings', 'one row per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
