insert into mayfly_private.topics (name, parts, rule) values
  ('parcel', 4, 'mayfly_private.may_use_parcel_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;
