-- How many bytes the rows of this room's tables are charged.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.artifacts', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;
