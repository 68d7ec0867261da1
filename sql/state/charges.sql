-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.state_versions', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.states', 'the versions of the states, which are charged')
on conflict (relation) do update set bounded_by = excluded.bounded_by;
