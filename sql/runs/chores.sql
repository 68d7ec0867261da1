-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('runs', 'mayfly_private.maintain_runs(uuid, integer)')
on conflict (name) do update set work = excluded.work;
