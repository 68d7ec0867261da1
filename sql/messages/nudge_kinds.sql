-- Broadcasts of this room that can be due: an inbox or a channel has messages up to a number.

insert into mayfly_private.nudge_kinds (event, heard, payload) values
  ('message', 'mayfly_private.is_inbox_open(uuid, text)', 'mayfly_private.message_nudge(uuid, text, bigint)')
on conflict (event) do update set heard = excluded.heard, payload = excluded.payload;
