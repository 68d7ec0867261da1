-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('log', 'mayfly_private.maintain_log(uuid, integer)'),
  ('ops', 'mayfly_private.maintain_ops(uuid, integer)')
on conflict (name) do update set work = excluded.work;
