-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('teams', 'mayfly_private.maintain_teams(uuid, integer)')
on conflict (name) do update set work = excluded.work;
