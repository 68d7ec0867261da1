-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.messages', 'r.bytes'),
  ('mayfly.deliveries', '160')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.inboxes', 'one row per agent or person')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
