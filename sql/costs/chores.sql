-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('costs', 'mayfly_private.maintain_costs(uuid, integer)')
on conflict (name) do update set work = excluded.work;
