-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('approvals', 'mayfly_private.maintain_approvals(uuid, integer)')
on conflict (name) do update set work = excluded.work;
