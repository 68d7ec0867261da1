-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('memories', 'mayfly_private.maintain_memories(uuid, integer)'),
  ('words', 'mayfly_private.sample_words(uuid, integer)')
on conflict (name) do update set work = excluded.work;
