-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('agents', 'mayfly_private.maintain_agents(uuid, integer)')
on conflict (name) do update set work = excluded.work;
