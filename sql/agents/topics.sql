-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('agents', 3, 'mayfly_private.may_use_agents_topic(uuid, text, text, boolean)'),
  ('agent', 4, 'mayfly_private.may_use_agent_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;
