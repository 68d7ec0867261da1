-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.approvals', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.approval_decisions', 'as many rows per approval as its quorum, and approvals are charged'),
  ('mayfly.approval_policies', '200 rows per tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
