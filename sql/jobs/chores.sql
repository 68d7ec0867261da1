-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('jobs', 'mayfly_private.maintain_jobs(uuid, integer)'),
  ('job_kinds', 'mayfly_private.maintain_job_kinds(uuid, integer)')
on conflict (name) do update set work = excluded.work;
