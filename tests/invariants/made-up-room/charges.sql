insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.parcels', 256, '{label}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bytes) values ('mayfly.stamps', '40 + r.n')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values ('mayfly_private.seals', 'one row a parcel')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
