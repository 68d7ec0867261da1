-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('facts', 'mayfly_private.maintain_facts(uuid, integer)')
on conflict (name) do update set work = excluded.work;
