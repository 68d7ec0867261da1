-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('messages', 'mayfly_private.maintain_messages(uuid, integer)')
on conflict (name) do update set work = excluded.work;
