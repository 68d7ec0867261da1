-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('artifacts', 'mayfly_private.maintain_artifacts(uuid, integer)')
on conflict (name) do update set work = excluded.work;
