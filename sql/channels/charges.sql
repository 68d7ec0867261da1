-- How many bytes the tenant is charged for each row of this room's tables.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.channels', 256, '{name,description,publishers}', false),
  ('mayfly.channel_subscriptions', 256, '{}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;
