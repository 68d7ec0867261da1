-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('states', 'mayfly_private.maintain_states(uuid, integer)')
on conflict (name) do update set work = excluded.work;
