-- How the rows of each table are charged against the max_bytes of their tenant. A room registers each of its tables in
-- its charges.sql, in one of three ways. With `flat` and `written`, triggers of mayfly_private.meter_rows charge each
-- row the flat bytes and the lengths of the written columns. With `bytes`, the room's functions charge the rows
-- (mayfly_private.charge), and this expression says how many bytes a row was charged. With `bounded_by`, nothing is
-- charged, and the text says what limits the number of rows. recount_usage counts the rows of the first two ways again.

create table mayfly_private.charges (
  relation text constraint charges_pkey primary key,
  flat integer constraint charges_flat_range check (flat >= 0),
  written text[],
  -- An insert of up to 1,000 bytes a row is counted but never refused, so it succeeds even if the tenant is full. Its
  -- rows do not count as writes.
  lenient boolean not null default false,
  bytes text,
  bounded_by text,
  constraint charges_one_way check (num_nonnulls(flat, bytes, bounded_by) = 1 and (flat is null) = (written is null))
);

comment on table mayfly_private.charges is 'How many bytes the rows of each table are charged to their tenant.';
comment on column mayfly_private.charges.written is 'The columns that callers write. Their lengths as JSON text are charged.';
comment on column mayfly_private.charges.bytes is 'An SQL expression over a row r of the table.';
comment on column mayfly_private.charges.bounded_by is 'What limits the rows of a table that is not charged.';

alter table mayfly_private.charges enable row level security;
