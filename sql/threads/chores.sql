-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('threads', 'mayfly_private.maintain_threads(uuid, integer)')
on conflict (name) do update set work = excluded.work;
