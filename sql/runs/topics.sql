-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('run', 4, 'mayfly_private.may_use_run_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;
