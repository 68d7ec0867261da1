insert into mayfly_private.chores (name, work) values
  ('parcels', 'mayfly_private.maintain_parcels(uuid, integer)')
on conflict (name) do update set work = excluded.work;
