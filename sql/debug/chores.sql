-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('debug', 'mayfly_private.maintain_debug(uuid, integer)')
on conflict (name) do update set work = excluded.work;
